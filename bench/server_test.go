package bench

import "testing"

// TestServerContestant is the process of a contestant; see startServer.
func TestServerContestant(t *testing.T) {
	ok, err := serveContestant()
	if !ok {
		t.Skip("not a contestant")
	}
	if err != nil {
		t.Fatal(err)
	}
}

// BenchmarkServer reports what measureServer finds. Its own time says nothing:
// run it with -benchtime 1x.
func BenchmarkServer(b *testing.B) {
	names := []string{"routegate", "chi, auth0", "chi, jwtauth"}
	for _, tokens := range []string{"same", "distinct"} {
		b.Run(tokens, func(b *testing.B) {
			for b.Loop() {
				results, err := measureServer(names, tokens == "distinct", 9, 8000)
				if err != nil {
					b.Fatal(err)
				}
				for _, name := range names {
					b.Logf("%-14s %6.0f requests/s %6.1f µs of CPU a request", name, results[name].perSecond, float64(results[name].cpu.Nanoseconds())/1000)
				}
				ours := results["routegate"]
				b.ReportMetric(0, "ns/op")
				for unit, name := range map[string]string{"auth0": "chi, auth0", "jwtauth": "chi, jwtauth"} {
					b.ReportMetric(ours.perSecond/results[name].perSecond, "x-req/s-"+unit)
					b.ReportMetric(float64(results[name].cpu)/float64(ours.cpu), "x-cpu-"+unit)
				}
			}
		})
	}
}
