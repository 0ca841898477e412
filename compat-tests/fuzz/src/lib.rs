//! A driver that changes the inputs of a corpus at random, in a stable compiler's tests.

use std::fs;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The longest input that is made, in bytes.
const LONGEST: usize = 4096;

/// Runs `check` on each input of the corpus `target`, and then on changed ones for `FUZZ_SECONDS` (default: one). Changes put
/// in `words` too.
///
/// # Panics
/// If `check` panics, after its input was written to the corpus; the message names the file and the seed of the run.
pub fn fuzz(target: &str, words: &[&str], check: impl Fn(&[u8])) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut names: Vec<_> = fs::read_dir(&folder).into_iter().flatten().flatten().map(|file| file.path()).collect();
    names.sort();
    let corpus: Vec<_> = names.iter().filter_map(|name| fs::read(name).ok()).collect();
    assert!(!corpus.is_empty(), "there is no corpus in {}", folder.display());
    let seed = setting("FUZZ_SEED").unwrap_or_else(|| RandomState::new().hash_one(target) | 1);
    let try_one = |input: &[u8]| {
        if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| check(input))) {
            let mut hasher = DefaultHasher::new();
            input.hash(&mut hasher);
            let file = folder.join(format!("found-{:016x}", hasher.finish()));
            let written = fs::write(&file, input);
            eprintln!("the input is in {} ({written:?}); FUZZ_SEED={seed}", file.display());
            panic::resume_unwind(payload);
        }
    };
    for input in &corpus {
        try_one(input);
    }
    let end = Instant::now() + Duration::from_secs(setting("FUZZ_SECONDS").unwrap_or(1));
    let mut random = Random(seed);
    while Instant::now() < end {
        try_one(&changed(&corpus, words, &mut random));
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Returns an input of the corpus with one to eight changes.
fn changed(corpus: &[Vec<u8>], words: &[&str], random: &mut Random) -> Vec<u8> {
    let mut input = random.pick(corpus).clone();
    for _ in 0..=random.below(8) {
        let (at, to) = (random.below(input.len() + 1), random.below(input.len() + 1));
        let (at, to) = (at.min(to), at.max(to));
        match random.below(7) {
            0 if at < input.len() => input[at] = random.byte(),
            1 if at < input.len() => input[at] ^= 1 << random.below(8),
            2 => drop(input.drain(at..to)),
            3 => insert(&mut input, at, random.pick(words).as_bytes()),
            4 => {
                let piece = input[at..to].repeat(1 + random.below(4));
                insert(&mut input, to, &piece);
            }
            5 => {
                let other = random.pick(corpus);
                let from = random.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ => insert(&mut input, at, &[random.byte()]),
        }
        input.truncate(LONGEST);
    }
    input
}

fn insert(input: &mut Vec<u8>, at: usize, piece: &[u8]) {
    drop(input.splice(at..at, piece.iter().copied()));
}

/// A generator of random numbers (xorshift), which repeats with its seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[3]
    }

    /// Returns a number below `end`, which is at least 1.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap_or(0) % end.max(1)
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}
