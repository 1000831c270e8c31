//go:build !race

package framework_test

const raceDetector = false
