//! The compatibility suite over `compressed` and over the extension as a hook: every law, on every kind of view and every host.

use costrel_compat::{Candidate, Host, check_on, suite};
use costrel_compress::Compress;

fn candidate() -> Candidate {
    let compress = Compress::new();
    let decorator = compress.compressed();
    // A long page crosses once more, to be compressed.
    Candidate::new(decorator)
        .extra_crossings(1)
        .setup(move |app| {
            app.config.set("COMPRESS_REGISTER", false)?;
            app.config.set("COMPRESS_MIN_SIZE", 1)?;
            app.init(&compress)
        })
        .allow(async |client| Ok(client.with_header("accept-encoding", "br, gzip")))
}

fn extension() -> Candidate {
    let set_up = |app: &mut costrel::App| {
        app.config.set("COMPRESS_MIN_SIZE", 1)?;
        let key = async |request: costrel::Request| request.full_path().to_owned();
        app.init(&Compress::new().cache(costrel_stores::MemoryEntries::new(), key))
    };
    Candidate::extension("compress", set_up)
        .for_pages()
        .extra_crossings(2)
        .allow(async |client| Ok(client.with_header("accept-encoding", "gzip, deflate")))
}

suite!(suite_of_compressed, candidate());
suite!(suite_of_the_extension, extension());

/// An exempt view stays as it is, in an app that compresses.
#[test]
fn an_exempt_view_keeps_the_laws() {
    let compress = Compress::new();
    let candidate = Candidate::new(compress.exempt()).setup(move |app| app.init(&compress));
    check_on(
        || candidate.clone().allow(async |client| Ok(client.with_header("accept-encoding", "br"))),
        &[Host::InProcess],
    );
}
