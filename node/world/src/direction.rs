//! The eight directions (`enum directions`, map.hpp).

/// A direction: 0 north, then counter-clockwise.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum Direction {
    /// +y.
    #[default]
    North = 0,
    /// -x +y.
    NorthWest = 1,
    /// -x.
    West = 2,
    /// -x -y.
    SouthWest = 3,
    /// -y.
    South = 4,
    /// +x -y.
    SouthEast = 5,
    /// +x.
    East = 6,
    /// +x +y.
    NorthEast = 7,
}

impl Direction {
    /// All of them, by number.
    pub const ALL: [Self; 8] = [
        Self::North,
        Self::NorthWest,
        Self::West,
        Self::SouthWest,
        Self::South,
        Self::SouthEast,
        Self::East,
        Self::NorthEast,
    ];

    /// The direction with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The step it makes, in columns and rows.
    #[must_use]
    pub fn step(self) -> (i32, i32) {
        match self {
            Self::North => (0, 1),
            Self::NorthWest => (-1, 1),
            Self::West => (-1, 0),
            Self::SouthWest => (-1, -1),
            Self::South => (0, -1),
            Self::SouthEast => (1, -1),
            Self::East => (1, 0),
            Self::NorthEast => (1, 1),
        }
    }

    /// The direction of a step of at most one column and one row; `None` for no step.
    #[must_use]
    pub fn of_step(step: (i32, i32)) -> Option<Self> {
        Self::ALL.into_iter().find(|direction| direction.step() == step)
    }

    /// Whether it goes over a corner.
    #[must_use]
    pub fn is_diagonal(self) -> bool {
        self.number() % 2 == 1
    }
}
