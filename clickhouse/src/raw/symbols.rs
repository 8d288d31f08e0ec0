//! The library's entry points.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// `chdb_result *`.
pub(super) type RawResult = *mut c_void;
/// `chdb_connection`, a pointer itself.
pub(super) type RawConnection = *mut c_void;
/// `chdb_insert_stream`, a pointer itself.
pub(super) type RawInsert = *mut c_void;
type Text = *const c_char;
type Texts = *const *const c_char;
type Lengths = *const usize;

/// What takes a statement, a format, and names and values of parameters.
pub(super) type WithParameters<T> =
    unsafe extern "C" fn(RawConnection, Text, usize, Text, usize, Texts, Lengths, Texts, Lengths, usize) -> T;

/// `chdb_state`: zero is success.
pub(super) type State = c_int;

/// `chdb_query_analysis_v1`.
#[repr(C)]
pub(super) struct Analysis {
    pub(super) struct_size: u32,
    pub(super) statement_count: u32,
    pub(super) flags: u32,
    pub(super) query_class: u32,
}

macro_rules! symbols {
    ($($name:ident($($argument:ty),*) $(-> $result:ty)?;)*) => {
        pub(super) struct Symbols {
            $(pub(super) $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Symbols {
            /// # Safety
            /// `handle` is an open libchdb whose functions have the signatures of `chdb.h`.
            unsafe fn find(handle: *mut c_void) -> Result<Self, String> {
                Ok(Self {
                    $($name: {
                        let symbol = find(handle, stringify!($name))?;
                        // SAFETY: a function of this name has this signature, as the caller promises; both are pointers to code.
                        unsafe { mem::transmute::<*mut c_void, unsafe extern "C" fn($($argument),*) $(-> $result)?>(symbol) }
                    },)*
                })
            }
        }
    };
}

symbols! {
    chdb_connect(c_int, *mut *mut c_char) -> *mut RawConnection;
    chdb_close_conn(*mut RawConnection);
    chdb_set_signal_handlers_enabled(c_int);
    chdb_shutdown() -> State;
    chdb_query_with_params_n(RawConnection, Text, usize, Text, usize, Texts, Lengths, Texts, Lengths, usize) -> RawResult;
    chdb_stream_query_with_params_n(RawConnection, Text, usize, Text, usize, Texts, Lengths, Texts, Lengths, usize) -> RawResult;
    chdb_stream_fetch_result(RawConnection, RawResult) -> RawResult;
    chdb_stream_cancel_query(RawConnection, RawResult);
    chdb_destroy_query_result(RawResult);
    chdb_stream_insert_with_params_n(RawConnection, Text, usize, Text, usize, Texts, Lengths, Texts, Lengths, usize) -> RawInsert;
    chdb_stream_append(RawInsert, *const c_void, usize) -> State;
    chdb_stream_done(RawInsert) -> RawResult;
    chdb_stream_cancel_insert(RawInsert);
    chdb_stream_insert_error(RawInsert) -> Text;
    chdb_destroy_insert_stream(RawInsert);
    chdb_result_buffer(RawResult) -> *const c_char;
    chdb_result_length(RawResult) -> usize;
    chdb_result_rows_read(RawResult) -> u64;
    chdb_result_bytes_read(RawResult) -> u64;
    chdb_result_storage_rows_read(RawResult) -> u64;
    chdb_result_storage_bytes_read(RawResult) -> u64;
    chdb_result_rows_written(RawResult) -> u64;
    chdb_result_bytes_written(RawResult) -> u64;
    chdb_result_error(RawResult) -> Text;
    chdb_classify_query_n(RawConnection, Text, usize, Text, usize, *mut Analysis) -> State;
}

/// The loaded library. It is never unloaded, since its threads would be left without code.
#[derive(Clone, Copy)]
pub(crate) struct Library {
    pub(super) symbols: &'static Symbols,
}

impl Library {
    /// Loads the library, and leaves the process's signals as they are. Takes 50 ms, or a second where the file is not in memory.
    ///
    /// # Errors
    /// What the loader says, or which function is missing.
    pub(crate) fn load(path: &Path) -> Result<Self, String> {
        let name = CString::new(path.as_os_str().as_bytes()).map_err(|_| "its path has a NUL byte".to_owned())?;
        // SAFETY: a NUL-terminated path. The library's initialisers run; they touch nothing of ours.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if handle.is_null() {
            return Err(last_error());
        }
        // SAFETY: just opened; whatever exports all these names is libchdb.
        let symbols = Box::leak(Box::new(unsafe { Symbols::find(handle) }?));
        // SAFETY: takes any number; called before the first connection, as it wants.
        unsafe { (symbols.chdb_set_signal_handlers_enabled)(0) };
        Ok(Self { symbols })
    }

    /// Ends the engine's threads. All connections must be closed; nothing can be connected afterwards.
    pub(crate) fn shut_down(self) {
        // SAFETY: takes nothing, and may be called at any time. That it could not end a thread changes nothing for us.
        unsafe { (self.symbols.chdb_shutdown)() };
    }
}

fn find(handle: *mut c_void, name: &str) -> Result<*mut c_void, String> {
    let symbol = CString::new(name).map_err(|_| format!("{name}: no name"))?;
    // SAFETY: an open library and a NUL-terminated name.
    let address = unsafe { libc::dlsym(handle, symbol.as_ptr()) };
    if address.is_null() { Err(format!("it has no function {name}: it is another library, or another version")) } else { Ok(address) }
}

fn last_error() -> String {
    // SAFETY: takes nothing; what it returns is null or a string that lives until the thread's next call of the loader.
    let message = unsafe { libc::dlerror() };
    if message.is_null() {
        return "the loader gives no reason".to_owned();
    }
    // SAFETY: as above.
    unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned()
}
