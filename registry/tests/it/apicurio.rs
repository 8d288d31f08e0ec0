//! The same against Apicurio, which `scripts/stack` starts and ends.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use registry::Address;

use crate::conformance;

/// Apicurio with nothing in it, ended with the test however that ends.
struct Apicurio {
    data: PathBuf,
    port: u16,
}

impl Apicurio {
    fn start() -> Self {
        let apicurio = Self { data: Path::new(env!("CARGO_TARGET_TMPDIR")).join("registry-stack"), port: free_port() };
        // One that a killed run left behind is ended.
        apicurio.stack("down");
        apicurio.stack("up");
        apicurio
    }

    fn stack(&self, command: &str) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/stack");
        let mut stack = Command::new(script);
        stack.args([command, "registry"]).env("STACK_DATA", &self.data);
        if command == "up" {
            stack.env("REGISTRY_PORT", self.port.to_string());
        }
        let done = stack.output().unwrap();
        let said = [done.stdout, done.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
        assert!(done.status.success(), "scripts/stack {command} registry (`make setup` installs what it needs):\n{said}");
    }
}

impl Drop for Apicurio {
    fn drop(&mut self) {
        self.stack("down");
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn apicurio_conforms() {
    let apicurio = Apicurio::start();
    conformance::conforms(&Address::parse(&format!("http://127.0.0.1:{}/apis/ccompat/v7", apicurio.port)).unwrap(), "");
}
