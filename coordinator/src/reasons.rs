//! Enums of reasons that are counted: one declared list gives the variants and the metric's labels.

/// Declares an enum whose variants are the `reason` labels of one counter.
macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident counted as $metric:literal { $( $(#[$variant_doc:meta])* $variant:ident = $label:literal, )* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(super) enum $name { $( $(#[$variant_doc])* $variant, )* }

        impl $name {
            /// The label.
            pub(super) const fn label(self) -> &'static str {
                match self { $( Self::$variant => $label, )* }
            }

            /// Adds one to the counter of this reason.
            pub(super) fn count(self) {
                metrics::counter!($metric, "reason" => self.label()).increment(1);
            }
        }
    };
}

pub(crate) use reasons;
