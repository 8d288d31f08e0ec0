//! Enums whose symbols stand in the schemas. The order of the variants is that of the symbols.

/// An enum of the schemas.
pub(crate) trait Symbols: Copy + 'static {
    /// Every variant, in the order of the schema's symbols.
    const VARIANTS: &'static [Self];

    /// The index of the variant's symbol.
    fn index(self) -> usize;
}

macro_rules! symbols {
    ($name:ident, $all:expr) => {
        impl $crate::symbols::Symbols for $name {
            const VARIANTS: &'static [Self] = &$all;

            fn index(self) -> usize {
                self as usize
            }
        }

        impl<'a> $crate::codec::Value<'a> for $name {
            #[inline(always)]
            fn read(reader: &mut $crate::codec::Reader<'a>) -> Result<Self, $crate::codec::Fault> {
                let index = reader.index($crate::codec::Fault::BadSymbol)?;
                <Self as $crate::symbols::Symbols>::VARIANTS.get(index).copied().ok_or($crate::codec::Fault::BadSymbol)
            }

            fn read_coded(reader: &mut $crate::codec::Reader<'a>, coding: &$crate::codec::Coding) -> Result<Self, $crate::codec::Fault> {
                let $crate::codec::Coding::Symbols(ours) = coding else { return <Self as $crate::codec::Value>::read(reader) };
                let index = reader.index($crate::codec::Fault::BadSymbol)?;
                let ours = *ours.get(index).ok_or($crate::codec::Fault::BadSymbol)?;
                <Self as $crate::symbols::Symbols>::VARIANTS.get(usize::from(ours)).copied().ok_or($crate::codec::Fault::BadSymbol)
            }

            #[inline]
            fn write(&self, out: &mut Vec<u8>) {
                $crate::codec::writer::length($crate::symbols::Symbols::index(*self), out);
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $name {
            /// The variant with this symbol.
            #[must_use]
            pub fn from_symbol(symbol: &str) -> Option<Self> {
                <Self as $crate::symbols::Symbols>::VARIANTS.iter().copied().find(|variant| variant.as_str() == symbol)
            }
        }
    };
}

macro_rules! avro_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $symbol:literal,)* } default $default:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every variant, in the order of the schema's symbols.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The symbol in the Avro schema and in JSON.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $symbol,)*
                }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::$default
            }
        }

        symbols!($name, *$name::ALL);
    };
}
