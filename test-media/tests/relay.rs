//! The relay between real sockets, and its command line.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use test_media::relay::{Conditions, Relay};

/// Long enough for any machine, short enough for a test that fails.
const PATIENCE: Duration = Duration::from_secs(20);
/// What a packet that will not come is waited for.
const SILENCE: Duration = Duration::from_millis(300);

fn any() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind(any()).expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket
}

/// A sender, the relay, and who is sent to.
fn datagrams(seed: u64) -> (UdpSocket, Relay, UdpSocket) {
    let (near, far) = (socket(), socket());
    let relay = Relay::udp(any(), far.local_addr().expect("an address"), seed).expect("a relay");
    near.connect(relay.address()).expect("an address");
    (near, relay, far)
}

fn number(socket: &UdpSocket) -> Option<u32> {
    let mut packet = [0; 4];
    socket.recv(&mut packet).ok().map(|_| u32::from_be_bytes(packet))
}

/// Sends these numbers one by one, so that no queue overflows, and a last one that nothing befalls; returns what comes of them.
fn through(near: &UdpSocket, relay: &Relay, far: &UdpSocket, numbers: u32) -> Vec<u32> {
    let (before, count) = (relay.counts(), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut came = Vec::new();
            loop {
                match number(far).expect("the last one comes") {
                    u32::MAX => return came,
                    n => came.push(n),
                }
                count.fetch_add(1, Relaxed);
            }
        });
        for n in 0..numbers {
            near.send(&n.to_be_bytes()).expect("sent");
            wait("the relay takes it", || relay.counts().received == before.received + u64::from(n) + 1);
            // The reader's socket holds some two hundred.
            wait("the reader keeps up", || relay.counts().sent - before.sent < count.load(Relaxed) + 100);
        }
        relay.set(Conditions::default());
        near.send(&u32::MAX.to_be_bytes()).expect("sent");
        reader.join().expect("the reader does not panic")
    })
}

fn wait(what: &str, mut there: impl FnMut() -> bool) {
    let start = Instant::now();
    while !there() {
        assert!(start.elapsed() < PATIENCE, "waited for: {what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_good_network_loses_nothing_and_answers_find_back() {
    let (near, relay, far) = datagrams(1);
    let tapped = relay.tap();
    assert_eq!(through(&near, &relay, &far, 300), (0..300).collect::<Vec<_>>());
    assert!((0..300u32).all(|n| tapped.recv_timeout(PATIENCE).is_ok_and(|(_, packet)| packet == n.to_be_bytes())));
    near.send(&7u32.to_be_bytes()).expect("sent");
    let (_, from) = far.recv_from(&mut [0; 4]).expect("a packet");
    far.send_to(&9u32.to_be_bytes(), from).expect("sent");
    assert_eq!(number(&near), Some(9));
    // A second sender is answered from then on.
    let other = socket();
    other.send_to(&8u32.to_be_bytes(), relay.address()).expect("sent");
    let (_, again) = far.recv_from(&mut [0; 4]).expect("a packet");
    assert_ne!(again, from, "another sender is another port");
    far.send_to(&10u32.to_be_bytes(), again).expect("sent");
    assert_eq!(number(&other), Some(10));
}

#[test]
fn a_seed_loses_the_same_packets_again() {
    let lost = |seed| {
        let (near, relay, far) = datagrams(seed);
        relay.set(Conditions { loss: 0.1, burst: 0.3, ..Conditions::default() });
        through(&near, &relay, &far, 1_000)
    };
    let first = lost(42);
    assert!((800..950).contains(&first.len()), "{} came", first.len());
    assert_eq!(first, lost(42));
    assert_ne!(first, lost(43));
}

#[test]
fn packets_are_doubled_damaged_and_overtaken() {
    let (near, relay, far) = datagrams(2);
    let count = |conditions: Conditions| {
        relay.set(conditions);
        let mut came = through(&near, &relay, &far, 400);
        // What was overtaken comes after the last one.
        while came.len() < 400 {
            came.push(number(&far).expect("all of them come"));
        }
        came
    };
    let doubled = count(Conditions { duplicate: 0.5, ..Conditions::default() });
    assert!((500..700).contains(&doubled.len()), "{} came", doubled.len());
    let flipped = count(Conditions { flip: 0.5, ..Conditions::default() });
    let wrong = flipped.iter().zip(0..).filter(|(found, sent)| *found != sent).count();
    assert!((150..250).contains(&wrong), "{wrong} of 400 damaged");
    let mut overtaken = count(Conditions { reorder: 0.3, ..Conditions::default() });
    assert!(!overtaken.is_sorted(), "some are overtaken");
    overtaken.sort_unstable();
    assert_eq!(overtaken, (0..400).collect::<Vec<_>>());
    let nonsense = count(Conditions { insert: 0.5, ..Conditions::default() });
    assert!((500..700).contains(&nonsense.len()), "{} came", nonsense.len());
}

#[test]
fn a_freeze_holds_and_a_black_hole_swallows() {
    let (near, relay, far) = datagrams(3);
    relay.set(Conditions { freeze: true, ..Conditions::default() });
    (0..50u32).for_each(|n| drop(near.send(&n.to_be_bytes())));
    wait("all are taken in", || relay.counts().received == 50);
    far.set_read_timeout(Some(SILENCE)).expect("a timeout");
    assert_eq!(number(&far), None);
    relay.set(Conditions::default());
    far.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    assert!((0..50).all(|n| number(&far) == Some(n)), "all of them, in order");
    relay.set(Conditions { black_hole: true, ..Conditions::default() });
    near.send(&1u32.to_be_bytes()).expect("sent");
    wait("it is swallowed", || relay.counts().lost == 1);
    relay.set(Conditions::default());
    near.send(&2u32.to_be_bytes()).expect("sent");
    assert_eq!(number(&far), Some(2));
}

#[test]
fn delay_and_a_narrow_link_take_their_time() {
    let (near, relay, far) = datagrams(4);
    relay.set(Conditions { delay: Duration::from_millis(150), ..Conditions::default() });
    let sent = Instant::now();
    near.send(&1u32.to_be_bytes()).expect("sent");
    assert_eq!(number(&far), Some(1));
    assert!(sent.elapsed() >= Duration::from_millis(150), "{:?}", sent.elapsed());
    // 20 packets of 1,000 bits at 100 kb/s.
    relay.set(Conditions { rate_kbps: 100, ..Conditions::default() });
    let sent = Instant::now();
    (0..20).for_each(|_| drop(near.send(&[0; 125])));
    assert!((0..20).all(|_| number(&far).is_some()), "they all come");
    assert!(sent.elapsed() >= Duration::from_millis(195), "{:?}", sent.elapsed());
}

#[test]
fn after_a_cut_the_sender_has_another_port() {
    let (near, relay, far) = datagrams(5);
    let from = || {
        near.send(&[0; 4]).expect("sent");
        far.recv_from(&mut [0; 4]).expect("a packet").1
    };
    let before = from();
    assert_eq!(from(), before);
    relay.cut();
    assert_ne!(from(), before);
}

/// A server that repeats what it is told, and a relay in front of it.
fn stream(seed: u64) -> (Relay, TcpStream) {
    let server = TcpListener::bind(any()).expect("a socket");
    let relay = Relay::tcp(any(), server.local_addr().expect("an address"), seed).expect("a relay");
    std::thread::spawn(move || {
        for connection in server.incoming().flatten() {
            std::thread::spawn(move || std::io::copy(&mut &connection, &mut &connection));
        }
    });
    let client = TcpStream::connect(relay.address()).expect("a connection");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    (relay, client)
}

#[test]
fn a_stream_arrives_whole_however_bad_the_network_is() {
    let (relay, client) = stream(6);
    let jitter = Duration::from_millis(5);
    relay.set(Conditions { jitter, loss: 0.02, duplicate: 0.3, reorder: 0.3, ..Conditions::default() });
    let sent: Vec<u8> = (0..100_000u32).map(|n| (n % 251) as u8).collect();
    let mut came = vec![0; sent.len()];
    std::thread::scope(|scope| {
        scope.spawn(|| (&client).write_all(&sent));
        (&client).read_exact(&mut came).expect("all of it");
    });
    assert!(came == sent, "byte for byte");
}

#[test]
fn a_stream_is_held_damaged_and_cut() {
    let (relay, mut client) = stream(7);
    let mut byte = [0];
    relay.set(Conditions { freeze: true, ..Conditions::default() });
    client.write_all(b"a").expect("written");
    client.set_read_timeout(Some(SILENCE)).expect("a timeout");
    assert!(client.read_exact(&mut byte).is_err(), "held");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    relay.set(Conditions { flip: 1.0, ..Conditions::default() });
    client.read_exact(&mut byte).expect("it comes");
    relay.set(Conditions::default());
    client.write_all(b"b").expect("written");
    client.read_exact(&mut byte).expect("it comes");
    assert_eq!(byte, *b"b");
    relay.cut();
    assert!(!matches!(client.read(&mut byte), Ok(1..)), "hung up");
    let again = TcpStream::connect(relay.address()).expect("it still listens");
    again.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    (&again).write_all(b"c").expect("written");
    (&again).read_exact(&mut byte).expect("it comes");
}

#[test]
fn a_connection_does_not_outlive_a_black_hole() {
    let (relay, mut client) = stream(8);
    relay.set(Conditions { black_hole: true, ..Conditions::default() });
    client.write_all(b"a").expect("written");
    client.set_read_timeout(Some(SILENCE)).expect("a timeout");
    assert!(client.read(&mut [0]).is_err(), "neither an answer nor an end");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    relay.set(Conditions::default());
    assert!(!matches!(client.read(&mut [0]), Ok(1..)), "hung up");
}

#[test]
fn the_command_listens_to_its_stdin() {
    let far = socket();
    let target = far.local_addr().expect("an address").to_string();
    let mut relay = Command::new(env!("CARGO_BIN_EXE_test-media"))
        .args(["relay", "udp", "127.0.0.1:0", &target, "loss=1", "--seed", "3"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut lines = BufReader::new(relay.stdout.take().expect("stdout is piped")).lines();
    let mut says = || lines.next().expect("a line").expect("text");
    let address = says().split_once(' ').expect("an address").0.to_owned();
    let mut tell = relay.stdin.take().expect("stdin is piped");
    let near = socket();
    near.send_to(&1u32.to_be_bytes(), &address).expect("sent");
    let counts = loop {
        writeln!(tell, "counts").expect("it listens");
        let counts = says();
        if counts.contains("received: 1") {
            break counts;
        }
    };
    assert!(counts.contains("lost: 1"), "{counts}");
    writeln!(tell, "gremlins=1\nloss=0 delay=1\ncounts").expect("it listens");
    says();
    near.send_to(&2u32.to_be_bytes(), &address).expect("sent");
    assert_eq!(number(&far), Some(2));
    drop(tell);
    let ended = relay.wait_with_output().expect("it ends with its stdin");
    assert!(ended.status.success());
    assert!(String::from_utf8_lossy(&ended.stderr).contains("gremlins=1"), "what it cannot read it says");
}
