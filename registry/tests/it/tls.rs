//! A registry behind TLS, whose authority is told.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use registry::{Address, ClientSettings, RegistryClient};
use schemas::{SchemaSource as _, SourceError};

/// OpenSSL's test server, which hands out the files of a folder as whole answers.
struct TlsServer {
    child: Child,
    port: u16,
}

impl TlsServer {
    fn start(folder: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut child = Command::new("openssl")
            .args(["s_server", "-HTTP", "-accept", &format!("127.0.0.1:{port}"), "-cert", "server.pem", "-key", "server.key"])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.starts_with("ACCEPT") {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "openssl s_server does not start");
        }
        Self { child, port }
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn openssl(folder: &Path, arguments: &str) {
    let made = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
    assert!(made.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&made.stderr));
}

fn folder_with_certificates() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("registry-tls-{}", std::process::id()));
    fs::create_dir_all(folder.join("schemas/ids")).unwrap();
    fs::write(folder.join("extensions"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    openssl(&folder, "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout authority.key -out authority.pem");
    openssl(&folder, "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=stranger -keyout stranger.key -out stranger.pem");
    openssl(&folder, "req -newkey rsa:2048 -nodes -subj /CN=registry -keyout server.key -out server.csr");
    openssl(
        &folder,
        "x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 2 -extfile extensions -out server.pem",
    );
    let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 21\r\nconnection: close\r\n\r\n{\"schema\":\"\\\"long\\\"\"}\n";
    fs::write(folder.join("schemas/ids/1"), answer).unwrap();
    folder
}

#[test]
fn only_the_authority_that_was_told_is_believed() {
    let folder = folder_with_certificates();
    let server = TlsServer::start(&folder);
    let ask = |host: &str, authorities: Option<&str>| {
        let authorities = authorities.map(|name| fs::read(folder.join(name)).unwrap());
        let address = Address::parse(&format!("https://{host}:{}", server.port)).unwrap();
        RegistryClient::new(&ClientSettings { authorities, ..ClientSettings::at(address) }).unwrap().schema_by_id(1)
    };
    assert_eq!(ask("127.0.0.1", Some("authority.pem")).unwrap().as_deref(), Some("\"long\""));
    for (host, authorities) in [("127.0.0.1", None), ("127.0.0.1", Some("stranger.pem")), ("localhost", Some("authority.pem"))] {
        match ask(host, authorities) {
            Err(SourceError::Unavailable(words)) => assert!(words.contains("certificate"), "{words}"),
            other => panic!("{host} {authorities:?}: {other:?}"),
        }
    }
    drop(server);
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_is_no_certificate_is_said() {
    let address = Address::parse("https://127.0.0.1:1").unwrap();
    for text in ["", "nonsense", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
        let settings = ClientSettings { authorities: Some(text.into()), ..ClientSettings::at(address.clone()) };
        assert!(RegistryClient::new(&settings).unwrap_err().to_string().contains("PEM"), "{text}");
    }
}
