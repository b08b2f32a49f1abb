//! A security key without hardware, for OpenSSH's `SecurityKeyProvider` (PROTOCOL.u2f, "Provider API"): ssh-sk-helper
//! loads it and cannot tell it from a token. Ed25519 alone; the key's secret is its key handle, so that nothing is kept.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair};

/// What OpenSSH 9 calls the version of this interface.
#[unsafe(no_mangle)]
pub extern "C" fn sk_api_version() -> u32 {
    0x000a_0000
}

/// Makes a key.
///
/// # Safety
/// `response` is a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sk_enroll(
    algorithm: u32,
    _challenge: *const u8,
    _challenge_length: usize,
    _application: *const c_char,
    flags: u8,
    _pin: *const c_char,
    _options: *mut *mut c_void,
    response: *mut *mut EnrolResponse,
) -> c_int {
    let mut seed = [0; SEED_BYTES];
    let Some(key) = SystemRandom::new().fill(&mut seed).ok().and_then(|()| key(algorithm, &seed)) else {
        return FAILED;
    };
    let (public_key, public_key_length) = given(key.public_key().as_ref());
    let (key_handle, key_handle_length) = given(&seed);
    // OpenSSH wants a signature to keep; nobody here looks at it.
    let (signature, signature_length) = given(key.sign(&[]).as_ref());
    let enrolled = EnrolResponse {
        flags,
        public_key,
        public_key_length,
        key_handle,
        key_handle_length,
        signature,
        signature_length,
        certificate: ptr::null_mut(),
        certificate_length: 0,
        authenticator_data: ptr::null_mut(),
        authenticator_data_length: 0,
    };
    // SAFETY: the caller gave a place for it, and frees it.
    unsafe { *response = allocated(enrolled) };
    0
}

/// Signs as a token does that was touched: the application, what was asked of the person, a counter, and the message.
///
/// # Safety
/// Pointers and lengths are of what they say, `application` ends with a NUL, `response` is a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sk_sign(
    algorithm: u32,
    data: *const u8,
    data_length: usize,
    application: *const c_char,
    key_handle: *const u8,
    key_handle_length: usize,
    flags: u8,
    _pin: *const c_char,
    _options: *mut *mut c_void,
    response: *mut *mut SignResponse,
) -> c_int {
    // SAFETY: the caller says so.
    let (data, handle) = unsafe {
        (std::slice::from_raw_parts(data, data_length), std::slice::from_raw_parts(key_handle, key_handle_length))
    };
    // SAFETY: the caller says so.
    let application = unsafe { CStr::from_ptr(application) };
    let Some(key) = key(algorithm, handle) else { return FAILED };
    let mut message = digest(&SHA256, application.to_bytes()).as_ref().to_vec();
    message.push(flags);
    message.extend(COUNTER.to_be_bytes());
    message.extend(digest(&SHA256, data).as_ref());
    let (signature, signature_length) = given(key.sign(&message).as_ref());
    let signed = SignResponse {
        flags,
        counter: COUNTER,
        first: signature,
        first_length: signature_length,
        second: ptr::null_mut(),
        second_length: 0,
    };
    // SAFETY: the caller gave a place for it, and frees it.
    unsafe { *response = allocated(signed) };
    0
}

/// No key lives in here.
#[unsafe(no_mangle)]
pub extern "C" fn sk_load_resident_keys(
    _pin: *const c_char,
    _options: *mut *mut c_void,
    _keys: *mut c_void,
    _count: *mut usize,
) -> c_int {
    FAILED
}

fn key(algorithm: u32, seed: &[u8]) -> Option<Ed25519KeyPair> {
    if algorithm != ED25519 {
        return None;
    }
    Ed25519KeyPair::from_seed_unchecked(seed).ok()
}

/// A copy for somebody who calls free(3).
fn given(bytes: &[u8]) -> (*mut u8, usize) {
    // SAFETY: malloc(3) of a length that is not 0; checked by the caller of ours, which treats null as a failure.
    let copy = unsafe { libc::malloc(bytes.len()) }.cast::<u8>();
    if !copy.is_null() {
        // SAFETY: so many bytes were just allocated, and nothing else knows of them.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), copy, bytes.len()) };
    }
    (copy, bytes.len())
}

fn allocated<T>(value: T) -> *mut T {
    // SAFETY: malloc(3) of one such value.
    let place = unsafe { libc::malloc(size_of::<T>()) }.cast::<T>();
    if !place.is_null() {
        // SAFETY: just allocated, large enough, and aligned for anything.
        unsafe { place.write(value) };
    }
    place
}

/// `struct sk_enroll_response`.
#[repr(C)]
pub struct EnrolResponse {
    flags: u8,
    public_key: *mut u8,
    public_key_length: usize,
    key_handle: *mut u8,
    key_handle_length: usize,
    signature: *mut u8,
    signature_length: usize,
    certificate: *mut u8,
    certificate_length: usize,
    authenticator_data: *mut u8,
    authenticator_data_length: usize,
}

/// `struct sk_sign_response`.
#[repr(C)]
pub struct SignResponse {
    flags: u8,
    counter: u32,
    first: *mut u8,
    first_length: usize,
    second: *mut u8,
    second_length: usize,
}

/// SSH_SK_ED25519.
const ED25519: u32 = 1;
/// SSH_SK_ERR_GENERAL.
const FAILED: c_int = -1;
const SEED_BYTES: usize = 32;
const COUNTER: u32 = 0x1234_5678;
