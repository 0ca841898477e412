//! Views that are compressed alone, and views that are left alone.

use costrel::{OnWebSocket, View, current_app};
use costrel_ext_kit::Decorator;

use crate::compressor::Compressor;

/// The note on a view whose responses stay as they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exempt;

/// Marks a view, or those of a blueprint, as exempt.
pub(crate) fn exempt(view: View) -> View {
    view.marked(Exempt)
}

/// Compresses the responses of one view.
pub(crate) fn compressed(view: View) -> View {
    let decorator = Decorator::new(view).named("compressed").requires::<Compressor>();
    // A handshake has no page, and messages have a compression of their own.
    decorator.on_websocket(OnWebSocket::PassBy).wrap_async(|next, request| async move {
        let response = next.call(request.clone()).await?;
        current_app().extension::<Compressor>()?.compress(&request, response).await
    })
}
