//! What the extensions of an app bring along for `compat` to try.

use std::sync::Arc;

use costrel::{App, AppHandle};

use crate::candidate::Candidate;

pub(crate) type Make = Arc<dyn Fn() -> Candidate + Send + Sync>;

/// The candidates of one app.
#[derive(Clone, Default)]
struct Offered(Vec<Make>);

/// Hands a candidate to the command `compat` of this app. Extensions do it in `init_app`, behind a feature of theirs, so
/// that who uses them can try them where they run.
///
/// ```
/// use costrel::{App, Error, Extension, View};
/// use costrel_compat::{Candidate, add_command, offer};
///
/// fn nothing(view: View) -> View {
///     view
/// }
///
/// struct Nothing;
///
/// impl Extension for Nothing {
///     fn init_app(self, app: &mut App) -> Result<(), Error> {
///         offer(app, || Candidate::new(nothing));
///         Ok(())
///     }
/// }
///
/// fn create_app() -> Result<App, Error> {
///     let mut app = App::new("docs");
///     app.init(Nothing)?;
///     add_command(&mut app, create_app);
///     Ok(app)
/// }
///
/// let app = create_app()?.build()?;
/// assert!(app.invoke("compat", ["--law", "view_arguments_arrive", "--host", "in_process"]).wait().is_ok());
/// # Ok::<(), Error>(())
/// ```
pub fn offer(app: &mut App, candidate: impl Fn() -> Candidate + Send + Sync + 'static) {
    let mut offered = app.extension::<Offered>().map(|offered| Offered::clone(&offered)).unwrap_or_default();
    offered.0.push(Arc::new(candidate));
    app.set_extension(offered);
}

/// Those that were handed over, in that order.
pub(crate) fn offered(app: &AppHandle) -> Vec<Make> {
    let offered = app.extension::<Offered>();
    offered.map(|offered| offered.0.clone()).unwrap_or_default()
}
