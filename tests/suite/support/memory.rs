//! Secrets that are looked for in the writable memory of a process, another one or this very one.

use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// A secret to look for. It is kept masked, or a process that looks into itself would find it here.
pub(crate) struct Needle {
    pub(crate) name: String,
    /// Pieces of it, any of which counts: where memory was given back, its beginning is overwritten.
    pub(crate) masked_pieces: Vec<Vec<u8>>,
}

impl Needle {
    pub(crate) fn whole(name: &str, secret: &[u8]) -> Needle {
        let piece_bytes = PIECE_BYTES.min(secret.len());
        Needle {
            name: name.to_owned(),
            masked_pieces: secret.chunks_exact(piece_bytes).map(mask).collect(),
        }
    }

    /// Of a key that begins with its public half.
    pub(crate) fn second_half(name: &str, secret: &[u8]) -> Needle {
        Needle::whole(name, &secret[secret.len() / 2..])
    }
}

pub(crate) fn mask(secret: &[u8]) -> Vec<u8> {
    secret.iter().map(|byte| byte ^ MASK).collect()
}

pub(crate) fn unmask(masked: &[u8]) -> Vec<u8> {
    mask(masked)
}

/// The names of those that are in `memory`.
pub(crate) fn find<'a>(memory: &[u8], needles: &'a [Needle]) -> Vec<&'a str> {
    let mut found = BTreeSet::new();
    search(memory, &Index::new(needles), &mut |_, name| {
        found.insert(name);
    });
    found.into_iter().collect()
}

/// A needle's name, and where it is.
pub(crate) type Found<'a> = (&'a str, Place);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Place {
    /// Where values are moved about by the compiler, and left behind.
    Stack,
    /// On the heap, that is, or among static values.
    Elsewhere,
}

/// Those that are in the memory of a process, by its number or as `self`. Another's takes the right to
/// trace it.
pub(crate) fn find_in_process<'a>(
    process: &str,
    needles: &'a [Needle],
) -> io::Result<Vec<Found<'a>>> {
    let memory = File::open(format!("/proc/{process}/mem"))?;
    let maps = fs::read_to_string(format!("/proc/{process}/maps"))?;
    let index = Index::new(needles);
    let mut found = BTreeSet::new();
    let mut buffer = vec![0; CHUNK_BYTES];
    // Bytes that this process read are found in its memory.
    let own = match process {
        "self" => buffer.as_ptr().addr()..buffer.as_ptr().addr() + buffer.len(),
        _ => 0..0,
    };
    let on_stack = (&raw const own).addr();
    let mut bytes_read = 0;
    for line in maps.lines() {
        let Some(region) = writable_region(line) else {
            continue;
        };
        let is_own_stack = process == "self" && region.contains(&on_stack);
        let place = match is_own_stack || line.ends_with("[stack]") {
            true => Place::Stack,
            false => Place::Elsewhere,
        };
        let mut start = region.start;
        while start < region.end {
            let length = CHUNK_BYTES.min(region.end - start);
            let chunk = &mut buffer[..length];
            // The kernel's own pages are listed and not read.
            let Ok(()) = memory.read_exact_at(chunk, start as u64) else {
                break;
            };
            bytes_read += length;
            search(chunk, &index, &mut |offset, name| {
                if !own.contains(&(start + offset)) {
                    found.insert((name, place));
                }
            });
            // Pieces may lie across chunks.
            start += match length < CHUNK_BYTES {
                true => length,
                false => CHUNK_BYTES - PIECE_BYTES,
            };
        }
    }
    assert!(bytes_read > 100_000, "{bytes_read} bytes of {process}");
    Ok(found.into_iter().collect())
}

fn writable_region(line: &str) -> Option<Range<usize>> {
    let mut words = line.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let is_writable = words.next()?.starts_with("rw");
    let address = |text| usize::from_str_radix(text, 16).ok();
    is_writable.then_some(address(start)?..address(end)?)
}

/// The pieces by their first two bytes.
struct Index<'a>(Vec<Vec<(&'a [u8], &'a str)>>);

impl<'a> Index<'a> {
    fn new(needles: &'a [Needle]) -> Index<'a> {
        let mut by_first = vec![Vec::new(); 1 << 16];
        for needle in needles {
            for piece in &needle.masked_pieces {
                let first = Index::bucket(piece[0] ^ MASK, piece[1] ^ MASK);
                by_first[first].push((&piece[..], needle.name.as_str()));
            }
        }
        Index(by_first)
    }

    fn bucket(first: u8, second: u8) -> usize {
        usize::from(u16::from_be_bytes([first, second]))
    }
}

fn search<'a>(memory: &[u8], index: &Index<'a>, found: &mut impl FnMut(usize, &'a str)) {
    for (offset, bytes) in memory.windows(2).enumerate() {
        for (piece, name) in &index.0[Index::bucket(bytes[0], bytes[1])] {
            let is_piece = memory
                .get(offset..offset + piece.len())
                .is_some_and(|there| there.iter().zip(*piece).all(|(a, b)| *a == b ^ MASK));
            if is_piece {
                found(offset, name);
            }
        }
    }
}

/// Long enough to be nothing else.
const PIECE_BYTES: usize = 16;
const MASK: u8 = 0xa5;
const CHUNK_BYTES: usize = 256 * 1024;
