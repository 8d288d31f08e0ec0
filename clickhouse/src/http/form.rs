//! `multipart/form-data`, as clients send a statement with many parameters.

/// A field of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    /// It is a file: a table of external data.
    pub(crate) is_file: bool,
    pub(crate) value: Vec<u8>,
}

/// The boundary that a Content-Type names. None where it is no form.
pub(crate) fn boundary(content_type: &str) -> Option<String> {
    let (kind, rest) = content_type.split_once(';').unwrap_or((content_type, ""));
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = rest.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"').to_owned())
    });
    Some(boundary.unwrap_or_default())
}

/// The fields of a form. None where it is cut off, or no form.
pub(crate) fn fields(body: &[u8], boundary: &str) -> Option<Vec<Field>> {
    if boundary.is_empty() || boundary.len() > 200 {
        return None;
    }
    let first = format!("--{boundary}");
    let mut rest = &body[find(body, first.as_bytes())? + first.len()..];
    let next = format!("\r\n--{boundary}");
    let mut fields = Vec::new();
    while !rest.starts_with(b"--") {
        rest = rest.strip_prefix(b"\r\n")?;
        let head_end = find(rest, b"\r\n\r\n")?;
        let head = std::str::from_utf8(&rest[..head_end]).ok()?;
        rest = &rest[head_end + 4..];
        let end = find(rest, next.as_bytes())?;
        let (name, is_file) = disposition(head)?;
        fields.push(Field { name, is_file, value: rest[..end].to_vec() });
        rest = &rest[end + next.len()..];
    }
    Some(fields)
}

fn disposition(head: &str) -> Option<(String, bool)> {
    let line = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    let name = line.find("name=\"").filter(|at| !line[..*at].ends_with("file")).or_else(|| line.rfind(" name=\"").map(|at| at + 1))?;
    let value = &line[name + 6..];
    let name = value[..value.find('"')?].replace("%22", "\"");
    Some((name, line.contains("filename")))
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}
