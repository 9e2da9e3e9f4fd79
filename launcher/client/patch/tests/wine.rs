//! A real client and the real DLL under wine: `./test wine` builds both, makes a root with a 32-bit wine in it, and says in
//! the environment where they are. The client stands in for ragexe (`launcher/client/stub`).

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, OnceLock, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use bifrost_client_patch::environment::{Environment, Route};
use bifrost_client_patch::{Hook, LIBRARY, Manifest, Sha256, Verdict, inspect, inspect_library, judge, patch};

/// An address that is nobody's (TEST-NET-3): whoever is sent there by mistake reaches nothing.
const REALM: &str = "203.0.113.9";
const PORT: u16 = 6900;

fn given(variable: &str) -> PathBuf {
    std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set: run ./test wine")).into()
}

/// How long the DLL may take to say that it is in.
const PATIENCE: Duration = Duration::from_secs(20);

/// A folder in the root, with the client as `name`, removed when dropped.
struct Game(PathBuf);

impl Game {
    fn new(name: &str, program: &[u8], library: Option<&[u8]>) -> Self {
        let folder = given("BIFROST_WINE_ROOT").join("games").join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("made");
        fs::write(folder.join("client.exe"), program).expect("written");
        if let Some(library) = library {
            fs::write(folder.join(LIBRARY), library).expect("written");
        }
        Self(folder)
    }

    /// Runs it to its end, in processes of its own that end with it.
    fn run(&self, environment: &Environment, address: &str, port: u16) -> Output {
        let root = given("BIFROST_WINE_ROOT");
        let folder = Path::new("/").join(self.0.strip_prefix(&root).expect("in the root"));
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child", "chroot"]).arg(&root).args(["sh", "-c"]);
        // The server of wine ends before its processes' room does: killed in the middle, it takes the next client with it.
        let script = r#"mount -t proc proc /proc && cd "$1" && { wine client.exe "$2" "$3"; code=$?; wineserver -k; exit $code; }"#;
        command.arg(script);
        command.arg("sh").arg(folder).arg(address).arg(port.to_string());
        command.env("WINEPREFIX", "/prefix").env("WINEDEBUG", "-all").env("WINEDLLOVERRIDES", "mscoree,mshtml=");
        command.env("HOME", "/root").env_remove("DISPLAY").envs(environment.variables());
        // One at a time: two servers of wine, each in processes of its own, cannot both have the one prefix.
        static PREFIX: Mutex<()> = Mutex::new(());
        let _ours = PREFIX.lock().unwrap_or_else(PoisonError::into_inner);
        command.output().expect("unshare runs")
    }
}

impl Drop for Game {
    fn drop(&mut self) {
        // The next run makes it anew.
        let _left = fs::remove_dir_all(&self.0);
    }
}

/// A listener that answers one connection with a word, and tells what it heard.
fn listener(answer: &'static str) -> (SocketAddrV4, thread::JoinHandle<String>) {
    listener_after(answer, || ())
}

/// The same, when something has happened: the client waits for its answer, and ends with it.
fn listener_after(
    answer: &'static str,
    before: impl FnOnce() + Send + 'static,
) -> (SocketAddrV4, thread::JoinHandle<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bound");
    let SocketAddr::V4(address) = listener.local_addr().expect("bound") else { panic!("IPv4 was asked for") };
    let heard = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut heard = [0; 4];
        stream.read_exact(&mut heard).expect("four bytes");
        before();
        stream.write_all(answer.as_bytes()).expect("sent");
        String::from_utf8_lossy(&heard).into_owned()
    });
    (address, heard)
}

fn stub() -> &'static [u8] {
    static STUB: OnceLock<Vec<u8>> = OnceLock::new();
    STUB.get_or_init(|| fs::read(given("BIFROST_WINE_STUBS").join("stub.exe")).expect("the stub client"))
}

fn library() -> &'static [u8] {
    static LIBRARY: OnceLock<Vec<u8>> = OnceLock::new();
    LIBRARY.get_or_init(|| fs::read(given("BIFROST_WINE_LIBRARY")).expect("p2phost.dll"))
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}: {output:?}", output.status);
    String::from_utf8_lossy(&output.stdout).replace('\r', "")
}

#[test]
fn a_patched_client_is_good_and_its_connections_go_through_the_gateway() {
    let patched = patch(stub()).expect("patched");
    let manifest = Manifest { programs: vec![Sha256::of(&patched)], libraries: vec![Sha256::of(library())] };
    let (program, dll) = (inspect(&patched).expect("a program"), inspect_library(library()).expect("a library"));
    assert!(matches!(program.hook, Hook::Entry(_)));
    assert_eq!(judge(Some(&manifest), &program, Some(&dll)), Verdict::Good);

    let launcher = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bound");
    let SocketAddr::V4(ear) = launcher.local_addr().expect("bound") else { panic!("IPv4 was asked for") };
    let (tell, told) = mpsc::channel();
    let registered = thread::spawn(move || {
        let mut line = String::new();
        BufReader::new(launcher.accept().expect("a connection").0).read_line(&mut line).expect("a line");
        let _waits = tell.send(());
        line
    });
    let (gateway, heard) =
        listener_after("gateway", move || told.recv_timeout(PATIENCE).expect("the DLL says that it is in"));
    let route = Route { address: Some(REALM.parse().expect("an address")), port: PORT, gateway };
    let environment = Environment {
        routes: vec![route],
        launcher: Some(ear),
        token: "a-token".into(),
        enabled: true,
        score: 4_000_000_000,
        players: 60_000,
    };
    let game = Game::new("patched", &patched, Some(library()));
    let text = said(&game.run(&environment, REALM, PORT));
    assert_eq!(
        text,
        "library abi=1 enabled=1 score=4000000000 players=60000 token=a-token again=same size=16\nanswer gateway\n"
    );
    assert_eq!(heard.join().expect("heard"), "ping");
    let line = registered.join().expect("registered");
    let words: Vec<&str> = line.split_whitespace().collect();
    assert!(matches!(words[..], ["P2PHOST", "1", "a-token", _, "1"]), "{line}");
}

#[test]
fn other_connections_go_where_they_want_to() {
    let patched = patch(stub()).expect("patched");
    let (own, heard) = listener("own");
    let nobody = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9);
    let route = Route { address: Some(REALM.parse().expect("an address")), port: PORT, gateway: nobody };
    let game = Game::new("other", &patched, Some(library()));
    let environment = Environment { routes: vec![route], ..Environment::default() };
    let text = said(&game.run(&environment, "127.0.0.1", own.port()));
    assert!(text.ends_with("token= again=same size=16\nanswer own\n"), "{text}");
    assert_eq!(heard.join().expect("heard"), "ping");
}

#[test]
fn a_patched_client_starts_without_the_library_too() {
    let patched = patch(stub()).expect("patched");
    let (own, heard) = listener("own");
    let game = Game::new("without", &patched, None);
    let text = said(&game.run(&Environment::default(), "127.0.0.1", own.port()));
    assert_eq!(text, "library none\nanswer own\n");
    assert_eq!(heard.join().expect("heard"), "ping");
}

#[test]
fn a_client_that_imports_the_library_is_hooked_while_it_is_loaded() {
    let program = fs::read(given("BIFROST_WINE_STUBS").join("imports.exe")).expect("the stub client");
    assert_eq!(inspect(&program).expect("a program").hook, Hook::Import);
    let (gateway, heard) = listener("gateway");
    let route = Route { address: None, port: PORT, gateway };
    let game = Game::new("imports", &program, Some(library()));
    let text = said(&game.run(&Environment { routes: vec![route], ..Environment::default() }, REALM, PORT));
    assert_eq!(text, "answer gateway\n");
    assert_eq!(heard.join().expect("heard"), "ping");
}
