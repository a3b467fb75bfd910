//! A custom port for a cache, the same for the same cache every time.

/// Ports in the range that scanners try early, or that look like somebody's default: cluster bus
/// and Sentinel of Redis, Memcached with TLS, and others of data stores.
const KNOWN: [u16; 8] = [11_211, 11_212, 11_214, 16_379, 26_379, 27_017, 33_060, 50_000];

/// Lowest port suggested.
const FIRST: u16 = 10_000;
/// Highest port suggested: Redis in cluster mode uses the port 10,000 above for its bus.
const LAST: u16 = 55_535;

/// A port between 10000 and 55535 for the cache with this ARN.
pub fn suggested_port(arn: &str) -> u16 {
    // FNV-1a: small, stable over versions, and nothing depends on its strength.
    let hash = arn
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let span = u32::from(LAST - FIRST) + 1;
    let mut port = u16::try_from(hash % span).unwrap_or_default() + FIRST;
    while KNOWN.contains(&port) {
        port += 1;
    }
    port
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_stable_and_in_range() {
        let arn = |n: u32| format!("arn:aws:elasticache:eu-west-1:111122223333:cluster:c{n}");
        for n in 0..5000 {
            let port = suggested_port(&arn(n));
            assert!((FIRST..=LAST).contains(&port) && !KNOWN.contains(&port), "{port}");
        }
        assert_eq!(suggested_port(&arn(1)), suggested_port(&arn(1)));
        assert_ne!(suggested_port(&arn(1)), suggested_port(&arn(2)));
    }
}
