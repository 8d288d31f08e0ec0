//! A connection: one statement at a time.

use std::ffi::{CString, c_char, c_int};
use std::ptr::{self, NonNull};

use super::insert::Insert;
use super::result::{Answer, EngineError};
use super::stream::Stream;
use super::symbols::{Analysis, Library, RawConnection, WithParameters};

/// A query parameter: `{name:Type}` in the statement, and its value in the escaped form of TSV.
pub(crate) type Parameter = (Vec<u8>, Vec<u8>);

/// Closed when it is dropped; that waits for what it still does.
pub(crate) struct Connection {
    connection: NonNull<RawConnection>,
    library: Library,
}

// SAFETY: a connection may be used by one thread after the other; `&mut self` sees to it that only one does.
unsafe impl Send for Connection {}

impl Connection {
    /// Connects. The first connection of the process starts the engine, with the server's settings among `arguments` (`--name=value`).
    /// None where the engine refuses, which it does without a word.
    pub(crate) fn open(library: Library, arguments: &[String]) -> Option<Self> {
        let mut texts: Vec<CString> = Vec::with_capacity(arguments.len() + 1);
        texts.push(c"clickhouse".to_owned());
        for argument in arguments {
            texts.push(CString::new(argument.as_str()).ok()?);
        }
        let mut pointers: Vec<*mut c_char> = texts.iter().map(|text| text.as_ptr().cast_mut()).collect();
        let count = c_int::try_from(pointers.len()).ok()?;
        // SAFETY: as many NUL-terminated strings as are said, which live during the call; it reads them.
        let connection = unsafe { (library.symbols.chdb_connect)(count, pointers.as_mut_ptr()) };
        Some(Self { connection: NonNull::new(connection)?, library })
    }

    fn raw(&self) -> RawConnection {
        // SAFETY: chdb_connect returns a pointer to the connection, valid until it is closed.
        unsafe { *self.connection.as_ptr() }
    }

    /// Runs statements to their end, and gives the whole answer, in `format` where they name none.
    pub(crate) fn query(&mut self, text: &[u8], format: &str, parameters: &[Parameter]) -> Result<Answer, EngineError> {
        let symbols = &self.library.symbols;
        // SAFETY: an entry point of the library, and what it gives is ours.
        unsafe { Answer::take(self.library, self.call(symbols.chdb_query_with_params_n, text, format, parameters)) }
    }

    /// Starts a SELECT whose answer comes piece by piece, each of them a whole document of its format.
    pub(crate) fn stream(&mut self, text: &[u8], format: &str, parameters: &[Parameter]) -> Result<Stream<'_>, EngineError> {
        let symbols = &self.library.symbols;
        // SAFETY: as in `query`.
        let handle = unsafe { Answer::take(self.library, self.call(symbols.chdb_stream_query_with_params_n, text, format, parameters))? };
        Ok(Stream::new(self, handle))
    }

    /// Starts an INSERT whose data follow, in `format`. `head` is the statement without FORMAT and data.
    pub(crate) fn insert(&mut self, head: &[u8], format: &str, parameters: &[Parameter]) -> Result<Insert<'_>, EngineError> {
        // SAFETY: as in `query`.
        let stream = unsafe { self.call(self.library.symbols.chdb_stream_insert_with_params_n, head, format, parameters) };
        Insert::start(self.library, stream)
    }

    /// # Safety
    /// `call` is an entry point of the library.
    unsafe fn call<T>(&mut self, call: WithParameters<T>, text: &[u8], format: &str, parameters: &[Parameter]) -> T {
        let list = ParameterList::new(parameters);
        // SAFETY: a connection that nobody else uses; texts and lists of the lengths given, which live during the call.
        unsafe {
            call(
                self.raw(),
                text.as_ptr().cast(),
                text.len(),
                format.as_ptr().cast(),
                format.len(),
                list.names.as_ptr(),
                list.name_lengths.as_ptr(),
                list.values.as_ptr(),
                list.value_lengths.as_ptr(),
                parameters.len(),
            )
        }
    }

    /// How many statements a text holds. None where it can't be parsed.
    pub(crate) fn count_statements(&mut self, text: &[u8]) -> Option<u32> {
        let struct_size = u32::try_from(size_of::<Analysis>()).expect("a structure of four numbers");
        let mut analysis = Analysis { struct_size, statement_count: 0, flags: 0, query_class: 0 };
        // SAFETY: a text of that length and a structure of that size, which live during the call; no database is named.
        let state = unsafe {
            (self.library.symbols.chdb_classify_query_n)(self.raw(), text.as_ptr().cast(), text.len(), ptr::null(), 0, &raw mut analysis)
        };
        (state == 0 && analysis.statement_count > 0).then_some(analysis.statement_count)
    }

    /// # Safety
    /// `stream` is a stream of this connection.
    pub(super) unsafe fn fetch(&mut self, stream: &Answer) -> Result<Answer, EngineError> {
        // SAFETY: promised by the caller.
        unsafe { Answer::take(self.library, (self.library.symbols.chdb_stream_fetch_result)(self.raw(), stream.raw())) }
    }

    /// # Safety
    /// `stream` is a stream of this connection.
    pub(super) unsafe fn cancel(&mut self, stream: &Answer) {
        // SAFETY: promised by the caller.
        unsafe { (self.library.symbols.chdb_stream_cancel_query)(self.raw(), stream.raw()) };
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: ours, and closed once.
        unsafe { (self.library.symbols.chdb_close_conn)(self.connection.as_ptr()) };
    }
}

/// Parameters as the engine takes them. The pointers are into what they were made from.
struct ParameterList {
    names: Vec<*const c_char>,
    name_lengths: Vec<usize>,
    values: Vec<*const c_char>,
    value_lengths: Vec<usize>,
}

impl ParameterList {
    fn new(parameters: &[Parameter]) -> Self {
        Self {
            names: parameters.iter().map(|(name, _)| name.as_ptr().cast()).collect(),
            name_lengths: parameters.iter().map(|(name, _)| name.len()).collect(),
            values: parameters.iter().map(|(_, value)| value.as_ptr().cast()).collect(),
            value_lengths: parameters.iter().map(|(_, value)| value.len()).collect(),
        }
    }
}
