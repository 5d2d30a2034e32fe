//! Closed sets: enums whose members are known by a word in settings, files and reports.
//!
//! A set is written down once, each member with its word. The lists of members and words are made of that, so
//! that no member can be missing in them, and there is no second list that could differ.

/// Defines an enum whose members each have a word.
///
/// ```ignore
/// closed_set! {
///     /// The cases in which a comment is posted.
///     pub enum CommentMode { Off = "off", On = "on" }
/// }
/// ```
#[macro_export]
macro_rules! closed_set {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$doc:meta])* $member:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name { $($(#[$doc])* $member),+ }

        impl $name {
            /// All members, in the order in which they are listed to people.
            $vis const ALL: [Self; [$($word),+].len()] = [$(Self::$member),+];
            /// The words of all members, in the same order.
            $vis const WORDS: &'static [&'static str] = &[$($word),+];

            /// Returns the word by which settings, files and reports call this member.
            $vis const fn as_str(self) -> &'static str {
                match self { $(Self::$member => $word),+ }
            }

            /// Returns the member of this word.
            $vis fn find(word: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|member| member.as_str() == word)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    closed_set! {
        enum Fruit { Apple = "apple", RedPear = "red-pear" }
    }

    #[test]
    fn a_member_and_its_word_lead_to_each_other() {
        assert_eq!(Fruit::ALL.map(Fruit::as_str), *Fruit::WORDS);
        assert_eq!(Fruit::find("red-pear"), Some(Fruit::RedPear));
        assert_eq!(Fruit::find("pear"), None);
    }
}
