//! The grammar of limits: `10/minute`, `1 per 3 hours`, `100/day;10/minute`.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use costrel::{Error, ErrorKind};
use sha1::{Digest, Sha1};

/// The longest window, a century, because a longer one could overflow the clock.
const LONGEST: u64 = 100 * 360 * 86_400;

/// The units of time with their seconds, as in the Python package `limits`: a month has 30 days, a year 12 such months.
const UNITS: [(&str, u64); 6] = [
    ("second", 1),
    ("minute", 60),
    ("hour", 3_600),
    ("day", 86_400),
    ("month", 30 * 86_400),
    ("year", 12 * 30 * 86_400),
];

/// A number of requests per time, such as ten per minute, as the Python package `limits` writes it.
///
/// ```
/// use costrel_stores::Rate;
///
/// let rates = Rate::parse_all("10/minute; 1 per 3 hours")?;
/// assert_eq!((rates[0].amount, rates[1].window().as_secs()), (10, 10_800));
/// assert_eq!(rates[1].to_string(), "1 per 3 hour");
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    /// The number of requests that a window allows.
    pub amount: u64,
    multiples: u64,
    unit: &'static str,
    unit_seconds: u64,
    /// The end of a counter's name, made once because each request needs it.
    name: Arc<str>,
}

impl Rate {
    /// Reads one rate or several, separated by `,`, `;` or `|`; a rate that is written twice is one. A rate is a number per
    /// second, minute, hour, day, month or year, or per several of them: `10/minute`, `1 per 3 hours`.
    ///
    /// # Errors
    /// A set-up error, without a line, if the text is something else.
    pub fn parse_all(text: &str) -> Result<Arc<[Self]>, Error> {
        let (mut rates, mut rest) = (Vec::new(), Some(text));
        while let Some(all) = rest {
            let end = all.find([',', ';', '|']);
            // A colon before the separator is taken by `limits` too.
            let one = end.map_or(all, |end| all[..end].strip_suffix(':').unwrap_or(&all[..end]));
            let rate = Self::parse(one).ok_or_else(|| no_rate(text))?;
            if !rates.contains(&rate) {
                rates.push(rate);
            }
            rest = end.map(|end| &all[end + 1..]);
        }
        Ok(rates.into())
    }

    /// Parses one rate: `10/minute`, `10 per minute`, `1 per 3 hours`.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let (amount, rest) = take_number(&text)?;
        let rest = rest.trim_start();
        let rest = rest.strip_prefix('/').or_else(|| rest.strip_prefix("per"))?.trim_start();
        let (multiples, word) = take_number(rest).unwrap_or((1, rest));
        let word = word.trim_start();
        let word = word.strip_suffix('s').unwrap_or(word);
        let (unit, unit_seconds) = UNITS.into_iter().find(|(unit, _)| *unit == word)?;
        let multiples = multiples.max(1);
        let name = format!("{amount}/{multiples}/{unit}").into();
        (multiples.checked_mul(unit_seconds)? <= LONGEST).then_some(Self {
            amount,
            multiples,
            unit,
            unit_seconds,
            name,
        })
    }

    /// The length of the window.
    pub fn window(&self) -> Duration {
        Duration::from_secs(self.multiples * self.unit_seconds)
    }

    /// The rank by which limits are put in order, as in the package `limits`: one minute and two minutes are equal.
    pub fn rank(&self) -> u64 {
        self.unit_seconds
    }

    /// The end of a counter's name, as in the package `limits`: `10/1/minute`.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The longest text, in bytes, that is part of a counter's name as it is.
const LONGEST_PART: usize = 128;

/// Returns a text as one part of a counter's name, whose parts have slashes between them: a slash is escaped, so that no client can
/// name another's counter, and a text of more than 128 bytes, which a client may have sent, has a hash in its place.
///
/// ```
/// use costrel_stores::name_part;
///
/// assert_eq!([name_part("10.0.0.1"), name_part("a/b"), name_part("50%")], ["10.0.0.1", "a%2Fb", "50%25"]);
/// assert_eq!(name_part(&"x".repeat(1_000)).len(), 33);
/// ```
pub fn name_part(text: &str) -> Cow<'_, str> {
    let is_plain = || !text.bytes().any(|byte| byte == b'%' || byte == b'/');
    match text.len() {
        ..=LONGEST_PART if is_plain() => text.into(),
        ..=LONGEST_PART => text.replace('%', "%25").replace('/', "%2F").into(),
        _ => {
            let hash = Sha1::digest(text).iter().fold(0_u128, |hash, byte| hash << 8 | u128::from(*byte));
            format!("%{hash:032x}").into()
        }
    }
}

fn no_rate(text: &str) -> Error {
    let remedy = "write a number per second, minute, hour, day, month or year, such as \"10/minute\", \"1 per 3 hours\" or \
                  \"100/day;10/minute\"";
    Error::new(ErrorKind::Setup, format!("{text:?} is not a rate limit: {remedy}"))
}

fn take_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// Writes the rate as the Python package `limits` does: `10 per 1 minute`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} per {} {}", self.amount, self.multiples, self.unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        Rate::parse_all(text).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn r1_reads_what_flask_limiter_reads() {
        for text in ["10/minute", "10 per minute", "10/1 minute", "10 PER 1 Minutes", "010/minute", "10perminute"] {
            assert_eq!(shown(text), ["10 per 1 minute"], "{text}");
        }
        assert_eq!(shown("1/2seconds"), ["1 per 2 second"]);
        assert_eq!(shown("1per second"), ["1 per 1 second"]);
        assert_eq!(shown("1 per 3 hours"), ["1 per 3 hour"]);
        assert_eq!(shown("0/second"), ["0 per 1 second"]);
        assert_eq!(shown("5/0 minute"), ["5 per 1 minute"]);
        assert_eq!(shown("10/hour:;5/day"), ["10 per 1 hour", "5 per 1 day"]);
        assert_eq!(
            shown("10/hour , 5/day;1/second|3/year"),
            ["10 per 1 hour", "5 per 1 day", "1 per 1 second", "3 per 1 year"]
        );
        assert_eq!(Rate::parse("1/month").unwrap().window(), Duration::from_secs(2_592_000));
        assert_eq!(Rate::parse("1/year").unwrap().window(), Duration::from_secs(31_104_000));
    }

    #[test]
    fn the_same_rate_twice_is_one() {
        assert_eq!(shown("4/minute;4 per minute"), ["4 per 1 minute"]);
    }

    #[test]
    fn r1_refuses_what_flask_limiter_refuses() {
        for text in [
            "",
            "10",
            "1/s",
            "1/sec",
            "1/min",
            "100/week",
            "1 per 1.5 hours",
            "-1/second",
            "1/day;",
            ";1/day",
            "1/day 2/day",
            "1/day:",
            "1/day;;2/day",
            "1/minutess",
        ] {
            assert!(Rate::parse_all(text).is_err(), "{text}");
        }
        assert!(Rate::parse_all("1/99999999999999999999 days").is_err());
        assert!(Rate::parse_all("1/101 years").is_err());
    }
}
