// Package rawjson reads JSON in place. Parse checks a text once and notes where
// its values lie; what a program asks for is then a part of that text, and what
// nobody asks for costs nothing. An event of API Gateway has a hundred values, of
// which a request needs thirty.
//
// What is JSON, and what its strings mean, is what encoding/json says (fuzz tests
// compare the two), but for objects: a key counts only as it is written, and one
// that comes twice is an error, because which of the two counts would depend on
// who reads it.
package rawjson
