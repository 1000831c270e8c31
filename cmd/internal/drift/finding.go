package drift

import (
	"cmp"
	"slices"

	"github.com/routegate/routegate/framework/route"
)

// A Kind says how a deployment differs from the manifest.
type Kind string

// The kinds, in the order in which they are printed.
const (
	Exposed  Kind = "exposed" // the gateway or a door lets in a caller that the manifest does not let in
	NotKnown Kind = "unknown" // something is not known, and the result depends on it
	Blocked  Kind = "blocked" // a caller that the manifest lets in is refused
	Orphan   Kind = "orphan"  // a deployed route or a door that is not in the manifest
	Missing  Kind = "missing" // a route of the manifest that is not deployed
)

var kinds = []Kind{Exposed, NotKnown, Blocked, Orphan, Missing}

// A Finding is one difference between a deployment and the manifest.
type Finding struct {
	Kind Kind

	Route      *route.Route // the manifest's route; nil if the manifest has none
	Deployed   *Route       // the gateway's route that answers; nil if none does
	Authorizer *Authorizer  // set if the authorizer is what differs
	Door       *Door        // set if the finding is about a door

	// Method, Path, Caller and Token are a request that shows the difference.
	// Token says what is special about the caller's token, "" if nothing is.
	// Path is "" if there is no such request.
	Method, Path string
	Caller       route.Caller
	Token        string

	// Enforced reports that the function refuses by itself every caller that the
	// gateway or the door should not have let in. It is set for Exposed and Orphan only.
	Enforced bool

	// Message says what differs. Then says what the function does with the
	// request, and may be "".
	Message, Then string

	// Gap, Might and Others are set for the kind "unknown". Gap is what is not
	// known. Might is the worst kind that it decides about, for Route or Deployed,
	// and Others is how many other routes and doors it decides about.
	Gap    Gap
	Might  Kind
	Others int
}

// open reports whether callers get through to something that the manifest does not
// let them reach, and nothing behind the gateway refuses them.
func (f *Finding) open() bool {
	return f.Kind == Exposed || f.Kind == Orphan && !f.Enforced
}

func compareFindings(a, b Finding) int {
	return cmp.Or(
		cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)),
		cmp.Compare(slices.Index(kinds, a.Might), slices.Index(kinds, b.Might)),
		cmp.Compare(a.part(), b.part()),
		cmp.Compare(a.line(), b.line()),
		cmp.Compare(a.key(), b.key()),
		cmp.Compare(a.Path, b.Path),
		cmp.Compare(slices.Index(route.Methods, a.Method), slices.Index(route.Methods, b.Method)),
		cmp.Compare(a.Gap.What, b.Gap.What),
		cmp.Compare(a.Gap.Get, b.Gap.Get),
		cmp.Compare(a.Message, b.Message),
	)
}

// part sorts findings on routes before those on authorizers, and those before
// findings on doors.
func (f *Finding) part() int {
	switch {
	case f.Door != nil:
		return 2
	case f.Authorizer != nil:
		return 1
	}
	return 0
}

func (f *Finding) line() int {
	if f.Route == nil {
		return 0
	}
	return f.Route.Line
}

func (f *Finding) key() string {
	switch {
	case f.Door != nil:
		return string(f.Door.Kind) + "\n" + f.Door.Where
	case f.Authorizer != nil:
		return f.Authorizer.Where
	case f.Deployed != nil:
		return f.Deployed.name() + "\n" + f.Deployed.Where
	}
	return ""
}

// name returns the route's key, or says that it is not known.
func (r *Route) name() string {
	if key, ok := r.Key.Get(); ok {
		return key
	}
	return "a route whose key is not known"
}
