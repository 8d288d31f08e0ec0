//! A reader of Native blocks, written from the format and not from the writer.

/// A block: names, types, and the values of each column as text; none is null.
#[derive(Debug, Default)]
pub(crate) struct Block {
    pub(crate) rows: usize,
    pub(crate) columns: Vec<(String, String, Vec<Option<String>>)>,
}

impl Block {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let mut reader = Reader { rest: bytes };
        let columns = reader.length();
        let rows = reader.length();
        let mut block = Self { rows, columns: Vec::new() };
        for _ in 0..columns {
            let (name, of) = (reader.text(), reader.text());
            let values = reader.values(&of, rows);
            assert_eq!(values.len(), rows, "{name}");
            block.columns.push((name, of, values));
        }
        assert!(reader.rest.is_empty(), "{} bytes behind the block", reader.rest.len());
        block
    }

    pub(crate) fn column(&self, name: &str) -> &[Option<String>] {
        &self.columns.iter().find(|(known, ..)| known == name).unwrap_or_else(|| panic!("no column {name}")).2
    }

    pub(crate) fn number<N: std::str::FromStr>(&self, name: &str, row: usize) -> N {
        self.column(name)[row].as_deref().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{name} of row {row} is no number"))
    }
}

struct Reader<'b> {
    rest: &'b [u8],
}

impl<'b> Reader<'b> {
    fn take(&mut self, count: usize) -> &'b [u8] {
        let (taken, rest) = self.rest.split_at(count);
        self.rest = rest;
        taken
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        self.take(N).try_into().unwrap()
    }

    fn length(&mut self) -> usize {
        let (mut value, mut shift) = (0, 0);
        loop {
            let [byte] = self.array();
            value |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return value;
            }
            shift += 7;
        }
    }

    fn text(&mut self) -> String {
        let length = self.length();
        String::from_utf8(self.take(length).to_vec()).unwrap()
    }

    fn values(&mut self, of: &str, rows: usize) -> Vec<Option<String>> {
        if let Some(inner) = of.strip_prefix("Nullable(").and_then(|of| of.strip_suffix(')')) {
            let is_null = self.take(rows).to_vec();
            let values = self.values(inner, rows);
            return values.into_iter().zip(is_null).map(|(value, is_null)| value.filter(|_| is_null == 0)).collect();
        }
        if of == "LowCardinality(String)" {
            return self.dictionary(rows);
        }
        if of == "Map(String, String)" {
            let ends = self.ends(rows);
            let count = ends.last().copied().unwrap_or_default();
            let (keys, values) = (self.values("String", count), self.values("String", count));
            let pairs: Vec<String> =
                keys.into_iter().zip(values).map(|(key, value)| format!("{}={}", key.unwrap(), value.unwrap())).collect();
            return lists(&ends, &pairs);
        }
        if of == "Array(String)" {
            let ends = self.ends(rows);
            let values: Vec<String> = self.values("String", ends.last().copied().unwrap_or_default()).into_iter().flatten().collect();
            return lists(&ends, &values);
        }
        (0..rows).map(|_| Some(self.value(of))).collect()
    }

    fn value(&mut self, of: &str) -> String {
        match of {
            "String" => self.text(),
            "Int64" | "DateTime64(6, 'UTC')" => i64::from_le_bytes(self.array()).to_string(),
            "UInt64" => u64::from_le_bytes(self.array()).to_string(),
            "UInt32" => u32::from_le_bytes(self.array()).to_string(),
            "Float32" => f32::from_le_bytes(self.array()).to_string(),
            "Float64" => f64::from_le_bytes(self.array()).to_string(),
            "Bool" => (self.array::<1>() == [1]).to_string(),
            "UUID" => {
                let (high, low) = (u64::from_le_bytes(self.array()), u64::from_le_bytes(self.array()));
                format!("{high:016x}{low:016x}")
            }
            of if of.starts_with("Enum8(") => {
                let [value] = self.array();
                let sought = format!("' = {value}");
                let symbols = of.trim_start_matches("Enum8(").trim_end_matches(')').split(", ");
                symbols.filter_map(|symbol| symbol.strip_suffix(&sought)).next().unwrap().trim_matches('\'').to_owned()
            }
            of => panic!("an unknown type: {of}"),
        }
    }

    fn ends(&mut self, rows: usize) -> Vec<usize> {
        (0..rows).map(|_| usize::try_from(u64::from_le_bytes(self.array())).unwrap()).collect()
    }

    fn dictionary(&mut self, rows: usize) -> Vec<Option<String>> {
        assert_eq!(u64::from_le_bytes(self.array()), 1, "the version of dictionaries");
        if rows == 0 {
            return Vec::new();
        }
        let flags = u64::from_le_bytes(self.array());
        assert_eq!(flags & !0xff, 0x600, "keys in the block, and new ones");
        let keys = usize::try_from(u64::from_le_bytes(self.array())).unwrap();
        let keys = self.values("String", keys);
        assert_eq!(u64::from_le_bytes(self.array()), rows as u64);
        let index = |reader: &mut Self| match flags & 0xff {
            0 => usize::from(u8::from_le_bytes(reader.array())),
            1 => usize::from(u16::from_le_bytes(reader.array())),
            _ => usize::try_from(u32::from_le_bytes(reader.array())).unwrap(),
        };
        (0..rows).map(|_| keys[index(self)].clone()).collect()
    }
}

fn lists(ends: &[usize], values: &[String]) -> Vec<Option<String>> {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(ends).map(|(start, &end)| Some(values[start..end].join(","))).collect()
}
