//! The parser of limit strings.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use costrel::{Error, ErrorKind};

/// The longest window, a century, because a longer one could overflow the clock.
const LONGEST: u64 = 100 * 360 * 86_400;

/// A number of requests per time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Limit {
    pub(crate) amount: u64,
    multiples: u64,
    granularity: Granularity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Granularity {
    Second,
    Minute,
    Hour,
    Day,
    Month,
    Year,
}

use Granularity::{Day, Hour, Minute, Month, Second, Year};

impl Limit {
    /// Reads one limit or several, separated by `,`, `;` or `|`.
    pub(crate) fn parse_all(text: &str) -> Result<Vec<Self>, Error> {
        let limits = text.split([',', ';', '|']).map(Self::parse).collect::<Option<BTreeSet<_>>>();
        // A limit that is written twice is one limit.
        limits.map(|limits| limits.into_iter().collect()).ok_or_else(|| {
            Error::new(
                ErrorKind::Setup,
                format!(
                    "{text:?} is not a rate limit: write a number per second, minute, hour, day, month or year, such as \
                     \"10/minute\", \"1 per 3 hours\" or \"100/day;10/minute\""
                ),
            )
        })
    }

    /// Parses one limit: `10/minute`, `10 per minute`, `1 per 3 hours`.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let (amount, rest) = take_number(&text)?;
        let rest = rest.trim_start();
        let rest = rest.strip_prefix('/').or_else(|| rest.strip_prefix("per"))?.trim_start();
        let (multiples, unit) = take_number(rest).unwrap_or((1, rest));
        let unit = unit.trim_start();
        let granularity = Granularity::parse(unit.strip_suffix('s').unwrap_or(unit))?;
        let seconds = multiples.checked_mul(granularity.seconds())?;
        (seconds <= LONGEST).then_some(Self { amount, multiples: multiples.max(1), granularity })
    }

    pub(crate) fn window(self) -> Duration {
        Duration::from_secs(self.multiples * self.granularity.seconds())
    }
}

fn take_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

impl Granularity {
    fn parse(unit: &str) -> Option<Self> {
        [Second, Minute, Hour, Day, Month, Year].into_iter().find(|known| known.name() == unit)
    }

    fn name(self) -> &'static str {
        match self {
            Second => "second",
            Minute => "minute",
            Hour => "hour",
            Day => "day",
            Month => "month",
            Year => "year",
        }
    }

    /// The seconds of the unit, as in the Python package `limits`: a month has 30 days, a year 12 such months.
    fn seconds(self) -> u64 {
        match self {
            Second => 1,
            Minute => 60,
            Hour => 3_600,
            Day => 86_400,
            Month => 30 * 86_400,
            Year => 360 * 86_400,
        }
    }
}

/// Writes the limit as the Python package `limits` does: `10 per 1 minute`.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} per {} {}", self.amount, self.multiples, self.granularity.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        Limit::parse_all(text).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn reads_what_flask_limiter_reads() {
        for text in ["10/minute", "10 per minute", "10/1 minute", "10 PER 1 Minutes", "010/minute"] {
            assert_eq!(shown(text), ["10 per 1 minute"], "{text}");
        }
        assert_eq!(shown("1 per 3 hours"), ["1 per 3 hour"]);
        assert_eq!(
            shown("10/hour , 5/day;1/second|3/year"),
            ["1 per 1 second", "3 per 1 year", "5 per 1 day", "10 per 1 hour"]
        );
        assert_eq!(Limit::parse("1/month").unwrap().window(), Duration::from_secs(2_592_000));
        assert_eq!(Limit::parse("1/year").unwrap().window(), Duration::from_secs(31_104_000));
    }

    #[test]
    fn the_same_limit_twice_is_one() {
        assert_eq!(shown("4/minute;4 per minute"), ["4 per 1 minute"]);
    }

    #[test]
    fn refuses_what_flask_limiter_refuses() {
        for text in
            ["", "10", "1/s", "1/min", "100/week", "1 per 1.5 hours", "-1/second", "1/day;", ";1/day", "1/day 2/day"]
        {
            assert!(Limit::parse_all(text).is_err(), "{text}");
        }
        assert!(Limit::parse_all("1/99999999999999999999 days").is_err());
        assert!(Limit::parse_all("1/101 years").is_err());
    }
}
