//! Views that are compressed alone, and views that are left alone.

use costrel::{OnWebSocket, View};
use costrel_ext_kit::Decorator;

use crate::compressor::Compression;

/// The note on a view that says what becomes of its responses. The view's own counts before that of its blueprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    Compressed,
    Exempt,
}

/// Marks a view, or those of a blueprint, as exempt.
pub(crate) fn exempt(view: View) -> View {
    view.marked(Choice::Exempt)
}

/// Compresses the responses of one view, or of those of a blueprint.
pub(crate) fn compressed(view: View) -> View {
    let view = view.marked(Choice::Compressed);
    if view.marker() == Some(&Choice::Exempt) {
        return view;
    }
    let decorator = Decorator::new(view).named("compressed").requires::<Compression>();
    // A handshake has no page, and messages have a compression of their own.
    decorator.on_websocket(OnWebSocket::PassBy).wrap_async(|next, request| async move {
        let response = next.call(request.clone()).await?;
        Compression::current()?.compress(&request, response).await
    })
}
