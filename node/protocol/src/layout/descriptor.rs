//! Where the fields of a struct stand.

/// The machine a struct was laid out for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Abi {
    /// LP64: `long` has 8 bytes, bit-fields as GCC places them.
    LinuxX8664,
    /// LLP64: `long` has 4 bytes, bit-fields as MSVC places them.
    WindowsX8664,
}

impl Abi {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::LinuxX8664, Self::WindowsX8664];

    /// The name that nodes and bundles state.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LinuxX8664 => "linux-x86_64",
            Self::WindowsX8664 => "windows-x86_64",
        }
    }

    /// The one with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|abi| abi.name() == name)
    }

    /// The machine this program was compiled for.
    #[must_use]
    pub fn here() -> Option<Self> {
        match (std::env::consts::OS, std::env::consts::ARCH) {
            ("linux", "x86_64") => Some(Self::LinuxX8664),
            ("windows", "x86_64") => Some(Self::WindowsX8664),
            _ => None,
        }
    }
}

/// Where one field stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Field {
    /// Its name in C++.
    pub name: &'static str,
    /// Bytes from the start of the struct.
    pub offset: usize,
    /// Its length in bytes.
    pub size: usize,
}

/// The layout of one struct in one build.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Descriptor {
    /// The struct's name in C++.
    pub name: &'static str,
    /// The machine.
    pub abi: Abi,
    /// The client build it was compiled for.
    pub packetver: u32,
    /// `sizeof`, in bytes.
    pub size: usize,
    /// Its fields, in order.
    pub fields: &'static [Field],
}

impl Descriptor {
    /// Finds a field by its C++ name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The bytes of a field in `image`; `None` when there is no such field or the image is too short.
    #[must_use]
    pub fn slice<'a>(&self, image: &'a [u8], name: &str) -> Option<&'a [u8]> {
        let field = self.field(name)?;
        image.get(field.offset..)?.get(..field.size)
    }
}

/// Declares the fields of a struct, once: the view, how it is read, a setter each, and the descriptor.
///
/// `fields` are read into the view; `blocks` are only described.
macro_rules! layout {
    (
        $(#[$doc:meta])*
        pub struct $view:ident of $image:ident, $struct_name:literal;
        fields { $( $(#[$field_doc:meta])* $field:ident, $setter:ident: $kind:ty = $name:literal @ $offset:literal; )* }
        blocks { $( $block:literal @ $block_offset:literal [$block_size:literal]; )* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, PartialEq)]
        #[allow(missing_docs, reason = "fields are named as in the C++ struct")]
        pub struct $view { $( $(#[$field_doc])* pub $field: $kind, )* }

        impl $view {
            /// Where the fields stand: those of the view first, then the ones that are only described.
            pub const DESCRIPTOR: $crate::layout::Descriptor = $crate::layout::Descriptor {
                name: $struct_name,
                abi: $crate::layout::Abi::LinuxX8664,
                packetver: $crate::PACKETVER,
                size: $image::SIZE,
                fields: &[
                    $( $crate::layout::Field {
                        name: $name,
                        offset: $offset,
                        size: <$kind as $crate::layout::Plain>::SIZE,
                    }, )*
                    $( $crate::layout::Field { name: $block, offset: $block_offset, size: $block_size }, )*
                ],
            };
        }

        impl $image {
            /// Reads the fields.
            #[must_use]
            pub fn view(&self) -> $view {
                $view { $( $field: self.load::<$kind, $offset>(), )* }
            }

            /// Writes all fields of `view` in place.
            pub fn update(&mut self, view: &$view) {
                $( self.store::<$kind, $offset>(&view.$field); )*
            }

            $(
                #[doc = concat!("Writes `", $name, "` in place.")]
                pub fn $setter(&mut self, value: $kind) {
                    self.store::<$kind, $offset>(&value);
                }
            )*
        }
    };
}

pub(super) use layout;
