//! The answers of S3 in XML: pages of a list, and errors.

use quick_xml::events::Event;
use quick_xml::reader::Reader;

/// The texts of the elements that have no others within, each with its name, in their order.
type Leaves = Vec<(String, String)>;

/// A page of a list of objects.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ObjectListing {
    /// The keys, percent-encoded, each with the size of its object.
    pub(super) objects: Vec<(String, u64)>,
    /// The token of the next page, if there is one.
    pub(super) next: Option<String>,
}

/// An error in an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct S3Error {
    pub(super) code: String,
    pub(super) message: String,
    /// Region that the request should have been signed for.
    pub(super) region: Option<String>,
}

/// Reads a page. None if the answer is none.
pub(super) fn read_page(body: &[u8]) -> Option<ObjectListing> {
    let (root, leaves) = leaves(body)?;
    if root != "ListBucketResult" {
        return None;
    }
    let mut page = ObjectListing::default();
    let mut is_truncated = None;
    for (name, text) in leaves {
        match name.as_str() {
            "Key" => page.objects.push((text, 0)),
            "Size" => page.objects.last_mut()?.1 = text.parse().ok()?,
            "NextContinuationToken" => page.next = Some(text),
            "IsTruncated" => is_truncated = Some(text == "true"),
            _ => {}
        }
    }
    // A page that says that it is not the last must say where the next one is, or a part would be missing.
    (is_truncated? == page.next.is_some()).then_some(page)
}

/// Reads an error. None if the answer is none.
pub(super) fn read_error(body: &[u8]) -> Option<S3Error> {
    let (root, leaves) = leaves(body)?;
    let mut error = S3Error::default();
    for (name, text) in leaves {
        match name.as_str() {
            "Code" => error.code = text,
            "Message" => error.message = text,
            "Region" => error.region = Some(text),
            _ => {}
        }
    }
    (root == "Error" && !error.code.is_empty()).then_some(error)
}

/// Returns the name of the root, and the leaves below it. None if the text is not whole.
fn leaves(body: &[u8]) -> Option<(String, Leaves)> {
    let mut reader = Reader::from_str(std::str::from_utf8(body).ok()?);
    let (mut root, mut depth, mut found, mut text) = (None, 0_usize, Leaves::new(), String::new());
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                depth += 1;
                root.get_or_insert_with(|| String::from_utf8_lossy(start.local_name().as_ref()).into_owned());
                text.clear();
            }
            Event::Text(part) => text.push_str(&part.decode().ok()?),
            Event::GeneralRef(reference) => {
                if let Some(character) = reference.resolve_char_ref().ok()? {
                    text.push(character);
                } else {
                    let name = reference.decode().ok()?;
                    text.push_str(quick_xml::escape::resolve_predefined_entity(&name)?);
                }
            }
            Event::End(end) => {
                depth = depth.checked_sub(1)?;
                let name = String::from_utf8_lossy(end.local_name().as_ref()).into_owned();
                found.push((name, std::mem::take(&mut text)));
            }
            Event::Eof => return (depth == 0).then_some((root?, found)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read_whole_or_not_at_all() {
        let page = |rest: &str| {
            let xml = format!(
                "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                 <Name>b</Name><EncodingType>url</EncodingType>\
                 <Contents><Key>a/1%2B.json</Key><Size>7</Size></Contents>\
                 <Contents><Key>a/&#50;.json</Key><Size>8</Size></Contents>{rest}</ListBucketResult>"
            );
            read_page(xml.as_bytes())
        };
        let objects = vec![("a/1%2B.json".to_owned(), 7), ("a/2.json".to_owned(), 8)];
        let last = page("<IsTruncated>false</IsTruncated>").unwrap();
        assert_eq!(last, ObjectListing { objects: objects.clone(), next: None });
        let next =
            page("<IsTruncated>true</IsTruncated><NextContinuationToken>x=&amp;</NextContinuationToken>");
        assert_eq!(next.unwrap(), ObjectListing { objects, next: Some("x=&".to_owned()) });
        assert_eq!(page("<IsTruncated>true</IsTruncated>"), None, "the next page is not named");
        assert_eq!(page(""), None, "nobody knows whether that is all");
        for broken in ["", "<html></html>", "<ListBucketResult><Contents><Key>a</Key>", "\u{0}", "{}"] {
            assert_eq!(read_page(broken.as_bytes()), None, "{broken}");
        }
    }

    #[test]
    fn errors_tell_their_code() {
        let xml = b"<Error><Code>AuthorizationHeaderMalformed</Code><Message>expecting &apos;eu-west-1&apos;</Message>\
                    <Region>eu-west-1</Region><RequestId>7</RequestId></Error>";
        let error = read_error(xml).unwrap();
        assert_eq!(
            (error.code.as_str(), error.region.as_deref()),
            ("AuthorizationHeaderMalformed", Some("eu-west-1"))
        );
        assert_eq!(error.message, "expecting 'eu-west-1'");
        assert_eq!(read_error(b"<html><Code>x</Code></html>"), None);
    }
}
