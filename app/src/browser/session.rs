//! Who is logged in, as far as this browser knows. The server decides anew with each request.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::{Ui, preferences, rest};
use crate::types::problem::Problem;
use crate::types::session::Session;

/// Asks who is logged in, if someone ever was: the answer to a stranger would be an error in the browser's console.
pub(crate) fn restore(ui: Ui) {
    if !preferences::was_logged_in() {
        return;
    }
    ui.restoring.set(true);
    spawn_local(async move {
        match rest::session().await {
            Ok(session) => begin(ui, session),
            Err(problem) => note(ui, &problem),
        }
        ui.restoring.set(false);
    });
}

/// Someone has logged in.
pub(crate) fn begin(ui: Ui, session: Session) {
    preferences::set_logged_in(true);
    ui.session.set(Some(session));
}

/// Nobody is logged in any more.
pub(crate) fn end(ui: Ui) {
    preferences::set_logged_in(false);
    ui.session.set(None);
}

/// Ends the session here if the server says that it has ended there.
pub(crate) fn note(ui: Ui, problem: &Problem) {
    if problem.status == 401 {
        end(ui);
    }
}
