package manifest

// A Manifest is routes.yaml as it was written: every value with its place, no
// defaults filled in, nothing resolved. Values that did not have the right form
// are left out of it and are named in the Report that came with it.
type Manifest struct {
	Groups *Vocabulary // nil when the file has no "groups"
	Scopes *Vocabulary // nil when the file has no "scopes"
	Routes []Route
	Tests  []Test
}

// A Vocabulary is the closed list of names that the manifest may use, in the
// order of the file.
type Vocabulary struct {
	Names []Name
}

// A Name is one entry of a Vocabulary.
type Name struct {
	String
	Meaning string // what the file says it stands for; may be ""
}

// A Route is one entry of "routes". A key that the file does not have, or has
// in the wrong form, is the zero value, whose Line is 0.
type Route struct {
	Span        // where the route starts
	Path        String
	Method      String
	Handler     String
	Name        String
	Summary     String
	Description String
	Tags        []String
	Deprecated  Bool
	Public      Bool
	Auth        String
	Groups      []String
	Scopes      []String

	// Has tells which keys the file has, well-formed or not, so that one
	// wrong value does not read as a missing one.
	Has map[string]Span
}

// A Test is one entry of "tests".
type Test struct {
	Span  // where the test starts
	Name  String
	As    *Caller // nil: a caller without a token
	Allow []String
	Deny  []String
}

// A Caller is the "as" of a Test.
type Caller struct {
	Span
	Auth   String
	Groups []String
	Scopes []String
}

// A Pos is a place in the file. Line and Column start at 1; Column counts
// characters, not bytes. The zero Pos is no place.
type Pos struct {
	Line, Column int
}

// A Span is the text of one value on one line: where it starts, and how many
// characters of that line it takes, at least 1.
type Span struct {
	Pos
	Width int
}

// A String is a scalar with its place.
type String struct {
	Value string
	Span
}

// A Bool is true or false with its place.
type Bool struct {
	Value bool
	Span
}
