//! Logging in and out.

use app::backend::{Caller, NewSession};
use app::types::problem::Problem;
use app::types::session::{Login, Session};
use serde_json::json;

use super::{Person, Services, anyone, not_logged_in};

impl Services {
    pub(super) async fn begin_session(&self, caller: &Caller, login: Login) -> Result<NewSession, Problem> {
        let address = match caller {
            Caller::Anonymous { address } => address,
            // Logging in again while logged in: the brake by account is enough.
            Caller::Person { session_id, .. } => session_id,
        };
        let new = self.auth.log_in(address, login).await?;
        let name = &new.session.name;
        self.note(Person { name }, "logged_in", format!("{name} logged in"), json!({}));
        Ok(new)
    }

    pub(super) async fn end_session(&self, caller: &Caller) -> Result<(), Problem> {
        let person = anyone(caller)?;
        if let Caller::Person { session_id, .. } = caller {
            self.auth.end_session(session_id).await?;
        }
        self.note(person, "logged_out", format!("{} logged out", person.name), json!({}));
        Ok(())
    }
}

/// Who is logged in.
pub(super) fn present(caller: &Caller) -> Result<Session, Problem> {
    match caller {
        Caller::Anonymous { .. } => Err(not_logged_in()),
        Caller::Person { name, role, expires_at, .. } => {
            Ok(Session { name: name.clone(), role: *role, expires_at: *expires_at })
        }
    }
}
