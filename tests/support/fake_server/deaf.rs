//! A server that nobody gets through to.

use std::io;
use std::net::{Ipv6Addr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::thread;

use support::Event;

use crate::tell;

/// Lets its queue fill: while it is full the kernel answers nobody, as if the packets were lost (listen(2)).
pub fn play(port: u16) {
    let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).expect("the port is free");
    // SAFETY: listen(2) on an open socket; on one that listens already it changes the length of the queue.
    let outcome = unsafe { libc::listen(listener.as_raw_fd(), 0) };
    assert_eq!(outcome, 0, "{}", io::Error::last_os_error());
    let _queued = TcpStream::connect((Ipv6Addr::LOCALHOST, port)).expect("room for one");
    tell(&Event::Listening);
    loop {
        thread::park();
    }
}
