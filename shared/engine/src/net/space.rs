//! Which addresses are public, and how many of them a range holds.

use std::fmt;

use ipnet::IpNet;

/// IPv4 or IPv6. Their address spaces are counted apart: no number compares them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// IPv4
    V4,
    /// IPv6
    V6,
}

/// A range of addresses of one family, as numbers, both ends included.
pub type Range = (u128, u128);

/// How many public addresses, by family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Count {
    /// Public IPv4 addresses.
    pub v4: u128,
    /// Public IPv6 addresses.
    pub v6: u128,
}

const fn v4(a: u8, b: u8, c: u8, d: u8) -> u128 {
    u32::from_be_bytes([a, b, c, d]) as u128
}

const fn block4(a: u8, b: u8, c: u8, prefix: u32) -> Range {
    let first = v4(a, b, c, 0);
    (first, first + (1 << (32 - prefix)) - 1)
}

const fn block6(high: u64, prefix: u32) -> Range {
    let first = (high as u128) << 64;
    (first, first + ((1 << (128 - prefix)) - 1))
}

/// IPv4 space that is not globally reachable, in order: the IANA IPv4 Special-Purpose Address
/// Registry (RFC 6890 and its updates), multicast and the former class E. 192.0.0.9 and
/// 192.0.0.10, two anycast addresses inside 192.0.0.0/24, are counted with their block.
const SPECIAL_V4: [Range; 15] = [
    block4(0, 0, 0, 8),
    block4(10, 0, 0, 8),
    block4(100, 64, 0, 10),
    block4(127, 0, 0, 8),
    block4(169, 254, 0, 16),
    block4(172, 16, 0, 12),
    block4(192, 0, 0, 24),
    block4(192, 0, 2, 24),
    block4(192, 88, 99, 24),
    block4(192, 168, 0, 16),
    block4(198, 18, 0, 15),
    block4(198, 51, 100, 24),
    block4(203, 0, 113, 24),
    block4(224, 0, 0, 4),
    block4(240, 0, 0, 4),
];

/// IPv6 space that can be a sender on the internet, in order: global unicast (2000::/3) without
/// the IETF protocol block 2001::/23 (benchmarking, ORCHID) and documentation (2001:db8::/32,
/// 3fff::/20), per the IANA IPv6 Special-Purpose Address Registry. Teredo (2001::/32) is in it, and so is
/// 6to4 (2002::/16): whoever has an IPv4 address may come from there (RFC 4380, RFC 3056).
const PUBLIC_V6: [Range; 4] = [
    (block6(0x2000_0000_0000_0000, 16).0, block6(0x2001_0000_0000_0000, 23).0 - 1),
    TEREDO,
    (block6(0x2001_0000_0000_0000, 23).1 + 1, block6(0x2001_0db8_0000_0000, 32).0 - 1),
    (block6(0x2001_0db8_0000_0000, 32).1 + 1, block6(0x3fff_0000_0000_0000, 20).0 - 1),
];

/// NAT64 (RFC 6052): each of its addresses stands for one of IPv4.
const NAT64: Range = block6(0x0064_ff9b_0000_0000, 96);

/// What an address of NAT64 counts: then a /8 of IPv4 is as much as a /28 of IPv6, and both are the internet.
const NAT64_WEIGHT: u128 = 1 << 76;

/// Teredo, whole: whoever has an IPv4 address may come from it, and it is no more than a /32.
const TEREDO: Range = block6(0x2001_0000_0000_0000, 32);

/// What is counted of an address of Teredo beyond itself: then all of it is as much as a /28 of IPv6, the internet.
const TEREDO_MORE: u128 = 15;

/// The last public IPv6 block, after 3fff::/20.
const PUBLIC_V6_TAIL: Range =
    (block6(0x3fff_0000_0000_0000, 20).1 + 1, block6(0x2000_0000_0000_0000, 3).1);

fn overlap(a: Range, b: Range) -> u128 {
    let (first, last) = (a.0.max(b.0), a.1.min(b.1));
    if first > last { 0 } else { last - first + 1 }
}

/// How many addresses of the range are public.
pub fn public_count(family: Family, range: Range) -> u128 {
    match family {
        Family::V4 => {
            let special: u128 = SPECIAL_V4.iter().map(|block| overlap(*block, range)).sum();
            (range.1 - range.0 + 1).saturating_sub(special)
        }
        Family::V6 => {
            let blocks = PUBLIC_V6.iter().chain([&PUBLIC_V6_TAIL]);
            let global: u128 = blocks.map(|block| overlap(*block, range)).sum();
            global + overlap(NAT64, range) * NAT64_WEIGHT + overlap(TEREDO, range) * TEREDO_MORE
        }
    }
}

/// How many public addresses there are.
pub(crate) fn everything(family: Family) -> u128 {
    match family {
        Family::V4 => public_count(family, (0, u32::MAX.into())),
        Family::V6 => public_count(family, (0, u128::MAX)),
    }
}

/// The family and range of a CIDR, host bits masked.
pub fn range_of(net: IpNet) -> (Family, Range) {
    match net {
        IpNet::V4(net) => {
            (Family::V4, (u32::from(net.network()).into(), u32::from(net.broadcast()).into()))
        }
        IpNet::V6(net) => (Family::V6, (net.network().into(), net.broadcast().into())),
    }
}

/// The CIDR blocks that a VPC has of each family at most (Amazon VPC quotas, adjusted).
const BLOCKS: u128 = 50;

impl Count {
    /// Whether so many may all lie in the address space of one VPC. Its blocks are at most a /16 of IPv4 and a /44 of
    /// IPv6 (Amazon VPC user guide, "VPC CIDR blocks").
    pub fn fits_into_a_vpc(self) -> bool {
        self.v4 <= BLOCKS << 16 && self.v6 <= BLOCKS << 84
    }

    /// So many times as much.
    #[must_use]
    pub fn times(self, times: u128) -> Self {
        Self { v4: self.v4.saturating_mul(times), v6: self.v6.saturating_mul(times) }
    }

    /// The count of one family.
    pub fn of(self, family: Family) -> u128 {
        match family {
            Family::V4 => self.v4,
            Family::V6 => self.v6,
        }
    }

    /// Whether there is any public address at all.
    pub fn any(self) -> bool {
        self.v4 > 0 || self.v6 > 0
    }
}

/// `3,702,258,432 public IPv4 addresses (all there are)`: exact where a person can grasp the
/// number, as the share or the equivalent network where not.
impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.v4 > 0 {
            let all = public_count(Family::V4, (0, u32::MAX.into()));
            let noun = if self.v4 == 1 { "address" } else { "addresses" };
            let share = match self.v4 * 100 / all {
                _ if self.v4 == all => " (all there are)".to_owned(),
                0 => String::new(),
                percent => format!(" ({percent} % of all)"),
            };
            parts.push(format!("{} public IPv4 {noun}{share}", thousands(self.v4)));
        }
        if self.v6 > 0 {
            let all = public_count(Family::V6, block6(0x2000_0000_0000_0000, 3));
            parts.push(match self.v6 {
                1 => "1 public IPv6 address".to_owned(),
                count if count >= all => "all public IPv6 addresses".to_owned(),
                count => format!("public IPv6 addresses worth a /{}", 128 - count.ilog2()),
            });
        }
        if parts.is_empty() {
            return f.write_str("no public address");
        }
        f.write_str(&parts.join(" and "))
    }
}

fn thousands(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn count(cidr: &str) -> u128 {
        let (family, range) = range_of(cidr.parse().unwrap());
        public_count(family, range)
    }

    fn is_public(address: &str) -> bool {
        count(&IpNet::from(address.parse::<IpAddr>().unwrap()).to_string()) > 0
    }

    #[test]
    fn ordinary_addresses_are_public() {
        for address in ["1.1.1.1", "8.8.8.8", "52.94.5.1", "2600::1", "2a00::1", "2001:4860::1"] {
            assert!(is_public(address), "{address}");
        }
    }

    #[test]
    fn no_part_of_a_special_block_is_public_and_both_neighbours_are() {
        for (block, before, after) in [
            ("0.0.0.0/8", None, Some("1.0.0.0")),
            ("10.0.0.0/8", Some("9.255.255.255"), Some("11.0.0.0")),
            ("100.64.0.0/10", Some("100.63.255.255"), Some("100.128.0.0")),
            ("127.0.0.0/8", Some("126.255.255.255"), Some("128.0.0.0")),
            ("169.254.0.0/16", Some("169.253.255.255"), Some("169.255.0.0")),
            ("172.16.0.0/12", Some("172.15.255.255"), Some("172.32.0.0")),
            ("192.0.0.0/24", Some("191.255.255.255"), Some("192.0.1.0")),
            ("192.0.2.0/24", Some("192.0.1.255"), Some("192.0.3.0")),
            ("192.88.99.0/24", Some("192.88.98.255"), Some("192.88.100.0")),
            ("192.168.0.0/16", Some("192.167.255.255"), Some("192.169.0.0")),
            ("198.18.0.0/15", Some("198.17.255.255"), Some("198.20.0.0")),
            ("198.51.100.0/24", Some("198.51.99.255"), Some("198.51.101.0")),
            ("203.0.113.0/24", Some("203.0.112.255"), Some("203.0.114.0")),
            ("224.0.0.0/3", Some("223.255.255.255"), None),
            ("64:ff9b:1::/48", Some("64:ff9b::ffff:ffff"), None),
            ("1000::/4", None, Some("2000::")),
            ("2001:1::/32", Some("2001:0:ffff:ffff:ffff:ffff:ffff:ffff"), None),
            ("2001:100::/24", None, Some("2001:200::")),
            ("2001:db8::/32", Some("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"), Some("2001:db9::")),
            ("3fff::/20", Some("3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), Some("3fff:1000::")),
            ("4000::/2", Some("3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), None),
            ("8000::/1", None, None),
        ] {
            assert_eq!(count(block), 0, "{block}");
            for neighbour in [before, after].into_iter().flatten() {
                assert!(is_public(neighbour), "{neighbour}, beside {block}");
            }
        }
    }

    #[test]
    fn private_ipv6_is_not_public() {
        for block in ["fc00::/7", "fe80::/10", "ff00::/8", "::1/128", "::/128"] {
            assert_eq!(count(block), 0, "{block}");
        }
    }

    #[test]
    fn the_world_is_all_addresses_without_the_special_ones() {
        assert_eq!(count("0.0.0.0/0"), 3_702_258_432);
        assert_eq!(count("0.0.0.0/1") + count("128.0.0.0/1"), 3_702_258_432);
        // 2001::/23 but Teredo, 2001:db8::/32 and 3fff::/20 are missing from 2000::/3.
        // Teredo counts sixteen times.
        let special = (1 << 105) - (1 << 100) + (1 << 96) + (1 << 108);
        assert_eq!(count("2000::/3"), (1 << 125) - special);
        assert_eq!(count("::/0"), count("2000::/3") + count("64:ff9b::/96"));
    }

    #[test]
    fn space_that_carries_strangers_inside_is_public() {
        for address in ["2002:808:808::1", "2001:0:808:808::1", "64:ff9b::808:808"] {
            assert!(is_public(address), "{address}");
        }
        // As much as is the internet: 2001::/32 is Teredo whole, and 64:ff9b::/104 a /8 of IPv4 behind NAT64.
        assert_eq!(count("2001::/32"), 1 << 100);
        assert_eq!(count("64:ff9b::800:0/104"), 1 << 100);
        assert_eq!(count("2002::/16"), 1 << 112);
    }

    #[test]
    fn a_range_that_holds_a_special_block_counts_without_it() {
        assert_eq!(count("10.0.0.0/7"), 1 << 24);
        assert_eq!(count("172.0.0.0/8"), (1 << 24) - (1 << 20));
        assert_eq!(count("192.0.0.0/8"), (1 << 24) - (1 << 16) - 3 * 256);
        assert_eq!(count("192.0.0.0/16"), (1 << 16) - 2 * 256);
        assert_eq!(count("2001:db8::/31"), 1 << 96);
    }

    #[test]
    fn zero_with_a_long_prefix_is_nobody() {
        assert_eq!(count("0.0.0.0/32"), 0);
        assert_eq!(count("0.0.0.0/8"), 0);
        assert_eq!(count("::/128"), 0);
    }

    #[test]
    fn host_bits_are_masked() {
        assert_eq!(range_of("10.1.2.3/0".parse().unwrap()), (Family::V4, (0, u32::MAX.into())));
        assert_eq!(range_of("fe80::1/0".parse().unwrap()), (Family::V6, (0, u128::MAX)));
        let one = u32::from_be_bytes([52, 94, 5, 1]).into();
        assert_eq!(range_of("52.94.5.1/32".parse().unwrap()), (Family::V4, (one, one)));
    }

    #[test]
    fn any_address_of_either_family_is_some() {
        assert!(!Count::default().any());
        assert!(Count { v4: 1, v6: 0 }.any());
        assert!(Count { v4: 0, v6: 1 }.any());
    }

    #[test]
    fn counts_read_well() {
        let v4 = |v4| Count { v4, v6: 0 }.to_string();
        let v6 = |v6| Count { v4: 0, v6 }.to_string();
        assert_eq!(Count::default().to_string(), "no public address");
        assert_eq!(v4(1), "1 public IPv4 address");
        assert_eq!(v4(256), "256 public IPv4 addresses");
        assert_eq!(v4(1_000), "1,000 public IPv4 addresses");
        assert_eq!(v4(16_777_216), "16,777,216 public IPv4 addresses");
        // The first whole per cent.
        assert_eq!(v4(37_022_584), "37,022,584 public IPv4 addresses");
        assert_eq!(v4(37_022_585), "37,022,585 public IPv4 addresses (1 % of all)");
        assert_eq!(v4(3_702_258_431), "3,702,258,431 public IPv4 addresses (99 % of all)");
        assert_eq!(v4(3_702_258_432), "3,702,258,432 public IPv4 addresses (all there are)");
        assert_eq!(v6(1), "1 public IPv6 address");
        assert_eq!(v6(2), "public IPv6 addresses worth a /127");
        assert_eq!(v6(1 << 96), "public IPv6 addresses worth a /32");
        assert_eq!(v6(3 << 95), "public IPv6 addresses worth a /32");
        assert_eq!(v6(count("::/0")), "all public IPv6 addresses");
        assert_eq!(
            Count { v4: 1, v6: 1 << 80 }.to_string(),
            "1 public IPv4 address and public IPv6 addresses worth a /48"
        );
    }
}
