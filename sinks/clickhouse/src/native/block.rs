//! A block: the columns of one table, filled row by row.

/// Makes the block of a table: its columns with their types, and what of a row goes to each.
macro_rules! block {
    ($(#[$doc:meta])* $name:ident of $table:literal, from $row:ident: $row_type:ty { $($column:ident: $type:ty = $value:expr,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub(crate) struct $name {
            rows: usize,
            $(pub(super) $column: $type,)*
        }

        impl $name {
            /// The table that it goes to.
            pub(crate) const TABLE: &'static str = $table;

            /// Names and types of the columns.
            pub(crate) fn columns() -> Vec<(&'static str, String)> {
                vec![$(($crate::native::column_name(stringify!($column)), <$type as $crate::native::Column>::type_name()),)*]
            }

            /// Appends a row.
            #[inline(always)]
            pub(crate) fn push(&mut self, $row: $row_type) {
                self.rows += 1;
                $($crate::native::Column::push(&mut self.$column, $value);)*
            }

            pub(crate) const fn rows(&self) -> usize {
                self.rows
            }

            /// Bytes that [`Self::write`] appends, roughly.
            pub(crate) fn size_bytes(&self) -> usize {
                0 $(+ $crate::native::Column::size_bytes(&self.$column))*
            }

            /// Appends the block.
            pub(crate) fn write(&self, out: &mut Vec<u8>) {
                let columns = [$(stringify!($column)),*].len();
                out.reserve(self.size_bytes() + 64 * columns);
                $crate::native::put_length(columns, out);
                $crate::native::put_length(self.rows, out);
                $({
                    $crate::native::put_text($crate::native::column_name(stringify!($column)), out);
                    $crate::native::put_text(&<$type as $crate::native::Column>::type_name(), out);
                    $crate::native::Column::write(&self.$column, out);
                })*
            }

            /// Forgets all rows, and keeps the memory.
            pub(crate) fn clear(&mut self) {
                self.rows = 0;
                $($crate::native::Column::clear(&mut self.$column);)*
            }
        }
    };
}

pub(crate) use block;
