//! The limits that a view or a blueprint may be exempt from.

use std::ops::BitOr;

use costrel::{Instance, View};

/// The limits that an exemption is from: one of these, or several joined by `|`. Flask-Limiter's `ExemptionScope`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exempt(u8);

impl Exempt {
    /// The application limits.
    pub const APPLICATION: Self = Self(1);
    /// The default limits.
    pub const DEFAULT: Self = Self(2);
    /// The limits on how often a client may be refused.
    pub const META: Self = Self(4);
    /// Application, default and meta limits.
    pub const ALL: Self = Self(7);
    /// Of a blueprint: the blueprints within it have its exemptions too.
    pub const DESCENDENTS: Self = Self(8);
    /// Of a blueprint: the limits of the blueprints around it.
    pub const ANCESTORS: Self = Self(16);

    pub(crate) fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Exempt {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The marker of a view with what limiters note on it.
#[derive(Clone)]
pub(crate) struct Notes(Vec<(Instance, Note)>);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Note {
    /// The view has a limit of its own.
    Limited,
    Exempt(Exempt),
}

impl Notes {
    /// Returns the view with a note of this limiter.
    pub(crate) fn add(limiter: Instance, note: Note, view: View) -> View {
        view.marked_with(Self(vec![(limiter, note)]), |own, new| Self([&*own.0, &*new.0].concat()))
    }

    /// The notes of one limiter, of those on a view.
    pub(crate) fn of(limiter: Instance, notes: Option<&Self>) -> impl Iterator<Item = Note> {
        let notes = notes.into_iter().flat_map(|notes| &notes.0);
        notes.filter(move |(by, _)| *by == limiter).map(|(_, note)| *note)
    }
}
