//! Numbered answers: newtypes whose known values have names, and whose unknown values survive a round trip.

/// Declares a code: a newtype over an integer with a named constant for every value the servers are known to send.
macro_rules! codes {
    ($(
        $(#[$doc:meta])*
        pub struct $name:ident($inner:ty) { $( $(#[$value_doc:meta])* $value:ident = $number:literal, )* }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(pub $inner);

        impl $name {
            $( $(#[$value_doc])* pub const $value: Self = Self($number); )*
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match *self {
                    $( Self::$value => out.write_str(stringify!($value)), )*
                    Self(other) => write!(out, "{other}"),
                }
            }
        }

        impl $crate::WireRead for $name {
            fn read(reader: &mut $crate::Reader<'_>, field: &'static str) -> Result<Self, $crate::DecodeError> {
                $crate::WireRead::read(reader, field).map(Self)
            }
        }

        impl $crate::WireWrite for $name {
            fn write(&self, writer: &mut $crate::Writer) {
                $crate::WireWrite::write(&self.0, writer);
            }
        }
    )*};
}

pub(crate) use codes;
