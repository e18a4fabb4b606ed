use super::*;

/// A pool whose threads never start.
fn stopped() -> HashPool {
    let shared = Arc::new(Shared {
        state: Mutex::new(State::new()),
        work: Condvar::new(),
        threads: 1,
        hashes: AtomicU64::new(0),
    });
    let pepper = Pepper::new(zeroize::Zeroizing::new([1; 32]));
    HashPool { shared, nobody: PasswordHash::of_nobody(&pepper).unwrap() }
}

fn wait(pool: &HashPool, place: Place) {
    let password = Password::typed(&"whatever it is".into()).unwrap();
    let task = Task::Hash(oneshot::channel().0);
    pool.shared.push(Job { place, password, task }).unwrap();
}

/// Gives all that wait, in the order of their turns.
fn order(pool: &HashPool) -> Vec<String> {
    let mut order = Vec::new();
    loop {
        // A job may only be dropped after the lock is released.
        let job = pool.shared.lock().take_turn();
        let Some(job) = job else { return order };
        order.push(match job.place.lane {
            Lane::Device(_) => "device".to_owned(),
            Lane::Good(source) => format!("good {source}"),
            Lane::Source(source) => source.to_string(),
        });
    }
}

#[test]
fn s1_sources_are_served_in_turns() {
    let pool = stopped();
    // The flood's addresses are of one /64 network and count as one source.
    let flood = ["2001:db8::1", "2001:db8::2", "2001:db8::1", "2001:db8::ffff", "2001:db8::3"];
    for source in flood.into_iter().chain(["192.0.2.1", "::ffff:192.0.2.2"]) {
        wait(&pool, pool.admit(source.parse().unwrap()).unwrap());
    }
    let device = TokenHash::of(&format!("cs_d_{}", "A".repeat(43)), "cs_d_").unwrap();
    wait(&pool, pool.admit_device(device).unwrap());
    let (good, flood) = ("good 2001:db8::", "2001:db8::");
    let expected = ["device", good, "good 192.0.2.1", flood, "good 192.0.2.2", good, good, flood];
    assert_eq!(order(&pool), expected);
}

#[test]
fn s1_those_in_good_standing_do_not_keep_the_others_out() {
    let pool = stopped();
    for number in 0..10_u8 {
        wait(&pool, pool.admit(IpAddr::from([192, 0, 2, number])).unwrap());
    }
    // The first three of these are in good standing too.
    for _ in 0..5 {
        wait(&pool, pool.admit(IpAddr::from([203, 0, 113, 1])).unwrap());
    }
    let order = order(&pool);
    let others: Vec<_> = (0..).zip(&order).filter(|(_, lane)| *lane == "203.0.113.1").collect();
    assert_eq!(others.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [3, 7], "{order:?}");
}

#[test]
fn s1_a_source_that_does_not_try_in_vain_has_a_place_in_any_flood_of_those_that_do() {
    let pool = stopped();
    let mut places = Vec::new();
    for round in 0..10 {
        for number in 0..200_u8 {
            let source = IpAddr::from([203, 0, 113, number]);
            if let Ok(place) = pool.admit(source) {
                places.push(place);
            } else {
                assert!(places.len() >= WAITING_PER_THREAD + GOOD_PER_THREAD, "turned away in round {round}");
            }
        }
    }
    assert!(places.len() == WAITING_PER_THREAD + GOOD_PER_THREAD, "no more wait than can");
    // Those of the first moment are done; the flood goes on and takes every place it can get.
    places.retain(|place| matches!(place.lane, Lane::Source(_)));
    for number in 0..200_u8 {
        assert!(pool.admit(IpAddr::from([203, 0, 113, number])).is_err());
    }
    assert!(matches!(pool.admit(IpAddr::from([192, 0, 2, 1])).unwrap().lane, Lane::Good(_)));
}
