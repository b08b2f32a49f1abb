//! What `twofactor at-login draw` makes of a URI.

use crate::Sandbox;

impl Sandbox {
    /// The drawings for dark and for light terminals, as the module gets them: without an environment, a terminal or a
    /// descriptor to complain to.
    #[track_caller]
    pub fn drawings(&self, uri: &str) -> [String; 2] {
        self.write("/run/uri", uri, 0o600);
        self.bash("env -i /usr/bin/twofactor at-login draw </run/uri >/run/frame 2>&-").succeeded();
        let frame = self.read_bytes("/run/frame");
        let mut rest = frame.as_slice();
        let drawings = [(); 2].map(|()| {
            let (length, others) = rest.split_first_chunk().expect("the length of a text");
            let (text, others) = others.split_at(u32::from_le_bytes(*length) as usize);
            rest = others;
            String::from_utf8(text.to_vec()).expect("a drawing is UTF-8")
        });
        assert!(rest.is_empty(), "more than two drawings");
        drawings
    }
}
