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
/// the IETF protocol block 2001::/23 (Teredo, benchmarking, ORCHID), documentation (2001:db8::/32,
/// 3fff::/20) and 6to4 (2002::/16), per the IANA IPv6 Special-Purpose Address Registry.
const PUBLIC_V6: [Range; 4] = [
    (block6(0x2000_0000_0000_0000, 16).0, block6(0x2001_0000_0000_0000, 23).0 - 1),
    (block6(0x2001_0000_0000_0000, 23).1 + 1, block6(0x2001_0db8_0000_0000, 32).0 - 1),
    (block6(0x2001_0db8_0000_0000, 32).1 + 1, block6(0x2002_0000_0000_0000, 16).0 - 1),
    (block6(0x2002_0000_0000_0000, 16).1 + 1, block6(0x3fff_0000_0000_0000, 20).0 - 1),
];

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
            blocks.map(|block| overlap(*block, range)).sum()
        }
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

impl Count {
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

/// `3,702,258,176 public IPv4 addresses (all of them)`: exact where a person can grasp the
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
            let all = public_count(Family::V6, (0, u128::MAX));
            parts.push(match self.v6 {
                1 => "1 public IPv6 address".to_owned(),
                count if count == all => "all public IPv6 addresses".to_owned(),
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
