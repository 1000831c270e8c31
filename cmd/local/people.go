package main

import "github.com/routegate/routegate/framework/route"

// A person is somebody invented.
type person struct {
	Name   string   `json:"name"`
	About  string   `json:"about"`
	Groups []string `json:"groups"`
	Scopes []string `json:"scopes"`
}

// invent makes people of a table: one who may do everything, one for each
// group, and one who is in none.
func invent(t *route.Table) []person {
	groups, scopes := t.Groups(), t.Scopes()
	people := []person{{Name: "alice", About: "is in every group and has every scope", Groups: groups, Scopes: scopes}}
	for i, group := range groups {
		if len(groups) == 1 || i >= len(names) {
			break
		}
		people = append(people, person{Name: names[i], About: "is in " + group + " only", Groups: []string{group}, Scopes: scopes})
	}
	return append(people,
		person{Name: "mallory", About: "is in no group and has no scope", Groups: []string{}, Scopes: []string{}})
}

var names = []string{"bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy"}
