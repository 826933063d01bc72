//! How many requests a user and an address may send: buckets that refill (GCRA).

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::config::ServiceConfig;

/// Buckets of every user and address that was heard of lately.
pub struct Rates {
    users: DefaultKeyedRateLimiter<String>,
    addresses: DefaultKeyedRateLimiter<IpAddr>,
}

impl Rates {
    /// As configured.
    #[must_use]
    pub fn new(config: &ServiceConfig) -> Self {
        let (server, quotas) = (&config.server, &config.quotas);
        Self {
            users: buckets(quotas.requests_per_sec, quotas.request_burst),
            addresses: buckets(server.address_requests_per_sec, server.address_request_burst),
        }
    }

    /// Takes one request of a user.
    ///
    /// # Errors
    /// How long to wait.
    pub fn take_of_user(&self, user_id: &str) -> Result<(), Duration> {
        take(&self.users, &user_id.to_owned())
    }

    /// Takes one request of an address.
    ///
    /// # Errors
    /// How long to wait.
    pub fn take_of_address(&self, address: IpAddr) -> Result<(), Duration> {
        take(&self.addresses, &network(address))
    }

    /// Forgets buckets that are full again.
    pub fn forget_full(&self) {
        self.users.retain_recent();
        self.addresses.retain_recent();
    }
}

/// An address as far as its holder can't change it: of IPv6, the /64 that hosts are given (RFC 4291, 2.5.4).
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

fn buckets<K: Hash + Eq + Clone>(per_sec: u32, burst: u32) -> DefaultKeyedRateLimiter<K> {
    let at_least_one = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    RateLimiter::keyed(Quota::per_second(at_least_one(per_sec)).allow_burst(at_least_one(burst)))
}

fn take<K: Hash + Eq + Clone>(buckets: &DefaultKeyedRateLimiter<K>, key: &K) -> Result<(), Duration> {
    buckets.check_key(key).map_err(|until| until.wait_time_from(DefaultClock::default().now()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_what_is_beyond_waits() {
        let mut config = ServiceConfig::default();
        (config.quotas.requests_per_sec, config.quotas.request_burst) = (1, 3);
        let rates = Rates::new(&config);
        assert!((0..3).all(|_| rates.take_of_user("ann").is_ok()));
        let wait = rates.take_of_user("ann").unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1), "{wait:?}");
        assert_eq!(rates.take_of_user("bob"), Ok(()));
    }

    #[test]
    fn addresses_of_one_network_are_one() {
        let network = |text: &str| network(text.parse().unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:10.0.0.1"), network("10.0.0.1"));
        assert_ne!(network("10.0.0.1"), network("10.0.0.2"));
    }
}
