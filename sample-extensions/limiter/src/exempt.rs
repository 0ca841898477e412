//! The limits that a view or a blueprint may be exempt from.

use bitflags::bitflags;
use costrel::{Instance, View};

bitflags! {
    /// The limits that an exemption is from: one of these, or several joined by `|`. Flask-Limiter's `ExemptionScope`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Exempt: u8 {
        /// The application limits.
        const APPLICATION = 1;
        /// The default limits.
        const DEFAULT = 2;
        /// The limits on how often a client may be refused.
        const META = 4;
        /// Application, default and meta limits.
        const ALL = 7;
        /// Of a blueprint: the blueprints within it have its exemptions too.
        const DESCENDENTS = 8;
        /// Of a blueprint: the limits of the blueprints around it.
        const ANCESTORS = 16;
    }
}

/// The marker of a view with what limiters note on it: what it is exempt from, or by `None` that it has a limit of its own.
#[derive(Clone)]
pub(crate) struct Notes(Vec<(Instance, Option<Exempt>)>);

impl Notes {
    /// Returns the view with a note of this limiter.
    pub(crate) fn add(limiter: Instance, note: Option<Exempt>, view: View) -> View {
        view.marked_with(Self(vec![(limiter, note)]), |own, new| Self([&*own.0, &*new.0].concat()))
    }

    /// The notes of one limiter, of those on a view.
    pub(crate) fn of(limiter: Instance, notes: Option<&Self>) -> impl Iterator<Item = Option<Exempt>> {
        let notes = notes.into_iter().flat_map(|notes| &notes.0);
        notes.filter(move |(by, _)| *by == limiter).map(|(_, note)| *note)
    }

    /// Whether the view has a limit of its own.
    pub(crate) fn is_limited(limiter: Instance, notes: Option<&Self>) -> bool {
        Self::of(limiter, notes).any(|note| note.is_none())
    }
}
