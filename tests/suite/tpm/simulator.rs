//! A swtpm, the tools that make its keys, and a unix socket in front of it that records commands.

use std::fs;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::net::UnixListener;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::port::unused;
use crate::support::program::is_there;
use crate::support::skip;
use crate::support::vectors;

/// A TPM of one test.
pub(super) struct Tpm {
    folder: TempDir,
    swtpm: Child,
    port: u16,
    /// The codes of the commands that came by the socket.
    codes: Arc<Mutex<Vec<u32>>>,
}

impl Tpm {
    /// `None`, and a loud skip, where a program is missing.
    pub(super) fn start(test: &str) -> Option<Tpm> {
        for program in ["swtpm", "tpm2_create"] {
            if !is_there(program, &["--version"]) {
                skip(&format!("{test}: no {program}"));
                return None;
            }
        }
        if !has_provider() {
            skip(&format!("{test}: no tpm2-openssl"));
            return None;
        }
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("state")).unwrap();
        let (port, control) = (unused(), unused());
        let state = folder.path().join("state");
        let swtpm = Command::new("swtpm")
            .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"])
            .args(["--tpmstate", &format!("dir={}", state.display())])
            .args([
                "--server",
                &format!("type=tcp,port={port},bindaddr=127.0.0.1"),
            ])
            .args([
                "--ctrl",
                &format!("type=tcp,port={control},bindaddr=127.0.0.1"),
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let tpm = Tpm {
            folder,
            swtpm,
            port,
            codes: Arc::default(),
        };
        let _ready = connect(port);
        let listener = UnixListener::bind(tpm.socket()).unwrap();
        let codes = Arc::clone(&tpm.codes);
        thread::spawn(move || {
            for stream in listener.incoming() {
                relay(stream.unwrap(), port, &codes);
            }
        });
        Some(tpm)
    }

    /// With a key on P-256 in `k.pem`, under a persistent parent, and its certificate in `k.crt`.
    pub(super) fn with_key(test: &str) -> Option<Tpm> {
        let tpm = Tpm::start(test)?;
        tpm.parent();
        tpm.key("ecc256", "sign", "");
        tpm.write_key_file("k.pem", 0x8100_0001, true);
        tpm.certify_loaded("k");
        Some(tpm)
    }

    /// With a key on P-256 that has a password, in `k.pem`, under the owner hierarchy, and its certificate in `k.crt`.
    pub(super) fn with_protected_key(test: &str, password: &str) -> Option<Tpm> {
        let tpm = Tpm::start(test)?;
        tpm.parent();
        tpm.key("ecc256", "sign|noda", password);
        tpm.write_key_file("k.pem", 0x4000_0001, false);
        tpm.certify_loaded("k");
        Some(tpm)
    }

    /// Below the folder in which the tools run.
    pub(super) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub(super) fn socket(&self) -> String {
        self.path("tpm")
    }

    /// `host:port`, past the socket.
    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A socket that writes all that passes to this file, too.
    pub(super) fn recorded(&self, log: &str) -> String {
        let path = self.path("recorded");
        let listener = UnixListener::bind(&path).unwrap();
        let (port, log) = (self.port, log.to_owned());
        thread::spawn(move || {
            let mut log = fs::File::create(log).unwrap();
            for stream in listener.incoming() {
                let (mut client, mut tpm) = (stream.unwrap(), connect(port));
                while let Some(command) = message(&mut client) {
                    tpm.write_all(&command).unwrap();
                    let answer = message(&mut tpm).unwrap();
                    log.write_all(&command).unwrap();
                    log.write_all(&answer).unwrap();
                    if client.write_all(&answer).is_err() {
                        break;
                    }
                }
            }
        });
        path
    }

    /// A socket whose answers `act` decides, from a command and from what the TPM answers it.
    pub(super) fn in_front(
        &self,
        mut act: impl FnMut(&[u8], &mut dyn FnMut() -> Vec<u8>) -> Vec<u8> + Send + 'static,
    ) -> String {
        let path = self.path("in-front");
        let listener = UnixListener::bind(&path).unwrap();
        let port = self.port;
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut client, mut tpm) = (stream.unwrap(), connect(port));
                while let Some(command) = message(&mut client) {
                    let mut answer = || {
                        tpm.write_all(&command).unwrap();
                        message(&mut tpm).unwrap()
                    };
                    if client.write_all(&act(&command, &mut answer)).is_err() {
                        break;
                    }
                }
            }
        });
        path
    }

    /// Commands since the last [`Tpm::forget`].
    pub(super) fn codes(&self) -> Vec<u32> {
        self.codes.lock().unwrap().clone()
    }

    pub(super) fn forget(&self) {
        self.codes.lock().unwrap().clear();
    }

    /// Fails if something was left in the TPM.
    pub(super) fn assert_empty(&self) {
        for handles in ["handles-transient", "handles-loaded-session"] {
            let output = self.run("tpm2_getcap", &[handles]);
            assert_eq!(String::from_utf8_lossy(&output), "", "{handles}");
        }
    }

    /// Runs one of tpm2-tools, and removes what it left: there is no resource manager.
    pub(super) fn tool(&self, program: &str, words: &str) {
        self.run(program, &words.split_whitespace().collect::<Vec<_>>());
        self.run("tpm2_flushcontext", &["-t"]);
    }

    /// Runs openssl with the provider for TPMs.
    pub(super) fn openssl(&self, words: &str) {
        let provider = "-provider tpm2 -provider default -propquery ?provider=tpm2";
        let (command, rest) = words.split_once(' ').unwrap();
        self.tool("openssl", &format!("{command} {provider} {rest}"));
    }

    fn run(&self, program: &str, words: &[&str]) -> Vec<u8> {
        let address = format!("swtpm:host=127.0.0.1,port={}", self.port);
        let output = Command::new(program)
            .args(words)
            .current_dir(self.folder.path())
            .env("TPM2TOOLS_TCTI", &address)
            .env("TPM2OPENSSL_TCTI", &address)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {words:?}: {stderr}");
        output.stdout
    }

    /// A parent at 0x81000001, also as `parent.ctx`.
    pub(super) fn parent(&self) {
        let attributes =
            "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt";
        let words = format!("-Q -C o -g sha256 -G ecc256:aes128cfb -a {attributes} -c parent.ctx");
        self.tool("tpm2_createprimary", &words);
        self.tool("tpm2_evictcontrol", "-Q -C o -c parent.ctx 0x81000001");
    }

    /// A parent at 0x81000001 with a password, and a key under it: `pub`, `priv`, and `public.pem`.
    pub(super) fn parent_with_password(&self, password: &str) {
        let fixed = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth";
        let words = format!("-Q -C o -p {password} -G ecc256:aes128cfb -c parent.ctx");
        let parent = format!("{words} -a {fixed}|restricted|decrypt");
        self.tool("tpm2_createprimary", &parent);
        self.tool("tpm2_evictcontrol", "-Q -C o -c parent.ctx 0x81000001");
        let words = format!("-Q -C 0x81000001 -P {password} -G ecc256 -a {fixed}|sign");
        let out = "-u pub -r priv -f pem -o public.pem";
        self.tool("tpm2_create", &format!("{words} {out}"));
    }

    /// A key under `parent.ctx`: `pub`, `priv`, and `public.pem`.
    pub(super) fn key(&self, algorithm: &str, attributes: &str, password: &str) {
        let attributes =
            format!("fixedtpm|fixedparent|sensitivedataorigin|userwithauth|{attributes}");
        let password = match password {
            "" => String::new(),
            password => format!("-p {password}"),
        };
        let words = format!(
            "-Q -C parent.ctx -G {algorithm} -a {attributes} {password} -u pub -r priv -f pem -o public.pem"
        );
        self.tool("tpm2_create", &words);
    }

    /// Loads the key at 0x81000101, and as `k.ctx`.
    pub(super) fn persist(&self) {
        self.load("k.ctx");
        self.persist_context("k.ctx");
    }

    /// Loads the key as `context`.
    pub(super) fn load(&self, context: &str) {
        let words = format!("-Q -C parent.ctx -u pub -r priv -c {context}");
        self.tool("tpm2_load", &words);
    }

    /// Puts what [`Tpm::load`] loaded at 0x81000101.
    pub(super) fn persist_context(&self, context: &str) {
        let words = format!("-Q -C o -c {context} 0x81000101");
        self.tool("tpm2_evictcontrol", &words);
    }

    /// Removes the key at 0x81000101.
    pub(super) fn evict(&self) {
        self.tool("tpm2_evictcontrol", "-Q -C o -c 0x81000101");
    }

    /// Loads a key that was made elsewhere as `context`, and its public key as `public.pem`.
    pub(super) fn import(&self, attributes: &str, password: &str, context: &str) {
        let key = vectors().join("pki/ec256.sec1.key");
        let key = key.display();
        self.tool(
            "openssl",
            &format!("pkey -in {key} -pubout -out public.pem"),
        );
        let attributes = format!("userwithauth|{attributes}");
        let words = format!(
            "-Q -C parent.ctx -G ecc -i {key} -a {attributes} -p {password} -u pub -r priv"
        );
        self.tool("tpm2_import", &words);
        self.load(context);
    }

    /// Writes `pub` and `priv` as a key file.
    pub(super) fn write_key_file(&self, name: &str, parent: u32, is_password_empty: bool) {
        let read = |name: &str| fs::read(self.folder.path().join(name)).unwrap();
        let content = [
            der(0x06, &[0x67, 0x81, 0x05, 0x0a, 0x01, 0x03]),
            der(0xa0, &der(0x01, &[u8::from(is_password_empty)])),
            der(0x02, &[&[0], &parent.to_be_bytes()[..]].concat()),
            der(0x04, &read("pub")),
            der(0x04, &read("priv")),
        ];
        fs::write(self.path("der"), der(0x30, &content.concat())).unwrap();
        let text = self.run("openssl", &["base64", "-in", "der"]);
        let text = String::from_utf8(text).unwrap();
        let label = "TSS2 PRIVATE KEY";
        let pem = format!("-----BEGIN {label}-----\n{text}-----END {label}-----\n");
        fs::write(self.path(name), pem).unwrap();
    }

    /// `NAME.crt` for the key file `NAME.pem`, which openssl can use.
    pub(super) fn certify(&self, name: &str) {
        let words = format!("pkey -in {name}.pem -passin pass:secret -pubout -out public.pem");
        self.openssl(&words);
        self.certify_loaded(name);
    }

    /// `NAME.crt` for `public.pem`.
    pub(super) fn certify_loaded(&self, name: &str) {
        let pki = vectors().join("pki");
        let path = |path: &Path| path.display().to_string();
        fs::write(
            self.path("extensions"),
            "keyUsage=critical,digitalSignature\n",
        )
        .unwrap();
        // A request is signed by some key, and the certificate is for another.
        self.run(
            "openssl",
            &[
                "req",
                "-new",
                "-key",
                &path(&pki.join("ec256.key")),
                "-subj",
                "/CN=tpm",
                "-out",
                "csr",
            ],
        );
        let (root, key) = (path(&pki.join("root.pem")), path(&pki.join("root.key")));
        let out = format!("{name}.crt");
        self.run(
            "openssl",
            &[
                "x509",
                "-req",
                "-in",
                "csr",
                "-force_pubkey",
                "public.pem",
                "-CA",
                &root,
                "-CAkey",
                &key,
                "-set_serial",
                "4711",
                "-days",
                "30",
                "-extfile",
                "extensions",
                "-out",
                &out,
            ],
        );
    }
}

impl Drop for Tpm {
    fn drop(&mut self) {
        let _ = self.swtpm.kill();
        let _ = self.swtpm.wait();
    }
}

/// True if openssl has its provider for TPMs.
fn has_provider() -> bool {
    let Ok(output) = Command::new("openssl").args(["version", "-m"]).output() else {
        return false;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let folder = text.split('"').nth(1).map(Path::new);
    folder.is_some_and(|folder| folder.join("tpm2.so").exists())
}

/// Waits until something listens there.
fn connect(port: u16) -> TcpStream {
    loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => return stream,
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Passes commands on until the client closes.
fn relay(mut client: UnixStream, port: u16, codes: &Mutex<Vec<u32>>) {
    let mut tpm = connect(port);
    while let Some(command) = message(&mut client) {
        let code = |bytes: &[u8]| u32::from_be_bytes(bytes[6..10].try_into().unwrap());
        tpm.write_all(&command).unwrap();
        let answer = message(&mut tpm).unwrap();
        // TPM_RC_TESTING and TPM_RC_RETRY: the TPM is asked again.
        if ![0x90a, 0x922].contains(&code(&answer)) {
            codes.lock().unwrap().push(code(&command));
        }
        if client.write_all(&answer).is_err() {
            return;
        }
    }
}

/// A command or a response, whole.
fn message(stream: &mut impl Read) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 10];
    stream.read_exact(&mut bytes).ok()?;
    let size = u32::from_be_bytes(bytes[2..6].try_into().unwrap());
    bytes.resize(usize::try_from(size).unwrap(), 0);
    stream.read_exact(&mut bytes[10..]).ok()?;
    Some(bytes)
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    let header = match length {
        ..0x80 => vec![tag, content.len().try_into().unwrap()],
        _ => [&[tag, 0x82][..], &length.to_be_bytes()].concat(),
    };
    [header, content.to_vec()].concat()
}
