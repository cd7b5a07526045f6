//! The app's root: what all pages share, and which page stands where.

use leptos::prelude::*;
use leptos_router::components::{Route, Router, Routes};
use leptos_router::path;

use crate::browser::Ui;
use crate::components::shell::Shell;
use crate::pages::control::Control;
use crate::pages::dashboard::Dashboard;
use crate::pages::login::LoginPage;
use crate::pages::not_found::NotFound;

/// Everything between `<body>` and `</body>`.
#[component]
pub fn App() -> impl IntoView {
    Ui::start();
    view! {
        <Router>
            <Shell>
                <Routes fallback=NotFound>
                    <Route path=path!("/") view=Dashboard/>
                    <Route path=path!("/login") view=LoginPage/>
                    <Route path=path!("/control") view=Control/>
                </Routes>
            </Shell>
        </Router>
    }
}
