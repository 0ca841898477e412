//! A class view that creates, reads, updates and deletes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use costrel::{Error, IntoResponse, MethodView, Methods, Response, abort, jsonify, request};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct User {
    #[serde(default)]
    id: i64,
    name: String,
}

/// The users, in memory; all requests share them, because each gets a clone of the `Arc`.
#[derive(Clone, Default)]
pub(super) struct UserApi {
    users: Arc<Mutex<BTreeMap<i64, User>>>,
}

impl UserApi {
    /// Builds the class view from one value, which is cloned for each request.
    pub(super) fn as_view(name: &str, make: fn() -> Self) -> costrel::View {
        let one = make();
        <Self as MethodView>::as_view(name, move || one.clone())
    }

    fn users(&self) -> MutexGuard<'_, BTreeMap<i64, User>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[allow(clippy::unused_async, reason = "a real view would wait for its database")]
    async fn get(self, user_id: Option<i64>) -> Result<Response, Error> {
        let Some(id) = user_id else { return jsonify(self.users().values().collect::<Vec<_>>()) };
        match self.users().get(&id) {
            Some(user) => jsonify(user),
            None => abort(404),
        }
    }

    async fn post(self) -> Result<Response, Error> {
        let mut user: User = request().get_json().await?;
        user.id = self.users().keys().max().map_or(1, |last| last + 1);
        self.users().insert(user.id, user.clone());
        (jsonify(user)?, 201).into_response()
    }

    async fn put(self, user_id: i64) -> Result<Response, Error> {
        let User { name, .. } = request().get_json().await?;
        match self.users().get_mut(&user_id) {
            Some(user) => {
                user.name = name;
                jsonify(user)
            }
            None => abort(404),
        }
    }

    /// Deletes a user; sync, to show that a class view may have methods of both colours.
    fn delete(self, user_id: i64) -> Result<(&'static str, u16), Error> {
        match self.users().remove(&user_id) {
            Some(_) => Ok(("", 204)),
            None => abort(404),
        }
    }
}

impl MethodView for UserApi {
    fn methods(methods: Methods<Self>) -> Methods<Self> {
        methods.get(Self::get).post(Self::post).put(Self::put).delete(Self::delete)
    }
}
