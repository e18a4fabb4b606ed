use super::*;

#[test]
fn s1_sources_are_served_in_turns() {
    let shared = Arc::new(Shared {
        state: Mutex::default(),
        work: Condvar::new(),
        threads: 1,
        hashes: AtomicU64::new(0),
    });
    let pepper = Pepper::new(zeroize::Zeroizing::new([1; 32]));
    let stopped = HashPool { shared, nobody: PasswordHash::of_nobody(&pepper).unwrap() };
    // The flood's addresses are of one /64 network and count as one source.
    let flood = ["2001:db8::1", "2001:db8::2", "2001:db8::1", "2001:db8::ffff"];
    let others = ["192.0.2.1", "::ffff:192.0.2.2"];
    let device = TokenHash::of(&format!("cs_d_{}", "A".repeat(43)), "cs_d_");
    let sources = flood.into_iter().chain(others).map(|source| (source, None));
    for (source, device) in sources.chain([("2001:db8::1", device)]) {
        let place = match device {
            Some(device) => stopped.admit_device(device).unwrap(),
            None => stopped.admit(source.parse().unwrap()).unwrap(),
        };
        let password = Password::typed(&"whatever it is".into()).unwrap();
        let task = Task::Hash(oneshot::channel().0);
        stopped.shared.push(Job { place, password, task }).unwrap();
    }
    let mut order = Vec::new();
    loop {
        // A job may only be dropped after the lock is released.
        let job = stopped.shared.lock().take_turn();
        let Some(job) = job else { break };
        order.push(match job.place.lane {
            Lane::Network(network) => network.to_string(),
            Lane::Device(_) => "device".to_owned(),
        });
    }
    let flood = "2001:db8::";
    assert_eq!(order, ["device", flood, "192.0.2.1", "192.0.2.2", flood, flood, flood]);
}
