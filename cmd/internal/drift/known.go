package drift

// A Value is something that was read from a plan, a state, a file or AWS, or that
// is not known. The zero Value is not known, and its Gap is empty. Values cannot be
// compared with ==, because two that are not known are not equal.
type Value[T any] struct {
	_     [0]func() // makes == a compile error
	value T
	known bool
	gap   Gap
}

// A Gap is something that a comparison needs and that is not known.
type Gap struct {
	What string // what is missing: "the identity source of aws_apigatewayv2_authorizer.jwt"
	Get  string // how to get it: "compare again after terraform apply, with -state"
}

// Known returns a Value that was read.
func Known[T any](v T) Value[T] { return Value[T]{value: v, known: true} }

// Unknown returns a Value that could not be read.
func Unknown[T any](g Gap) Value[T] { return Value[T]{gap: g} }

// Get returns the value, and false if it is not known.
func (v Value[T]) Get() (T, bool) { return v.value, v.known }

// Gap returns what is missing, and false if the value is known.
func (v Value[T]) Gap() (Gap, bool) { return v.gap, !v.known }
