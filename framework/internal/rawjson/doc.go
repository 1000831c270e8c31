// Package rawjson reads JSON in place. Parse goes through a text once and notes
// where its values lie. What a program asks for is then a part of that text, or,
// of a string with escapes, of what was decoded on the way; what nobody asks for
// makes no memory. An event of API Gateway has a hundred values, of which a request
// needs thirty.
//
// What is JSON, and what its strings mean, is what encoding/json says (fuzz tests
// compare the two), but for objects: a key counts only as it is written, and one
// that comes twice is an error, because which of the two counts would depend on
// who reads it.
package rawjson
