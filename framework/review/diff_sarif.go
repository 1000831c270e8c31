package review

import (
	"io"
	"path/filepath"
)

// The part of SARIF that is written here (OASIS, "Static Analysis Results
// Interchange Format (SARIF) Version 2.1.0").
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool struct {
			Driver sarifDriver `json:"driver"`
		} `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string       `json:"id"`
		ShortDescription sarifMessage `json:"shortDescription"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifMessage    `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		PhysicalLocation sarifPlace `json:"physicalLocation"`
	}
	sarifPlace struct {
		ArtifactLocation struct {
			URI string `json:"uri"`
		} `json:"artifactLocation"`
		Region *sarifRegion `json:"region,omitempty"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
)

// SARIF writes the Diff as a log that code scanning reads. Every result is
// about a line of the new manifest, or about the file where the line is gone.
// What is newly public is an error, what else is wider a warning, all else a
// note.
func (d *Diff) SARIF(w io.Writer, names Names) error {
	run := sarifRun{Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "routegate", InformationURI: "https://github.com/routegate/routegate"}
	index := make(map[string]int, len(Rules))
	for i, r := range Rules {
		index[r.ID] = i
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{r.ID, sarifMessage{r.About}})
	}
	for _, c := range d.Changes {
		result := sarifResult{RuleID: c.Rule, RuleIndex: index[c.Rule], Level: "note", Message: sarifMessage{string(c.Kind) + ": " + c.Message}}
		switch {
		case c.Public:
			result.Level = "error"
		case c.Kind == Wider:
			result.Level = "warning"
		}
		if c.Witness != nil {
			result.Message.Text += "\n" + c.Witness.String()
		}
		var at sarifLocation
		at.PhysicalLocation.ArtifactLocation.URI = filepath.ToSlash(names.New)
		if c.New.Line > 0 {
			at.PhysicalLocation.Region = &sarifRegion{c.New.Line}
		}
		result.Locations = []sarifLocation{at}
		run.Results = append(run.Results, result)
	}
	return writeJSON(w, sarifLog{
		Schema:  "https://json.schemastore.org/sarif-2.1.0.json",
		Version: "2.1.0",
		Runs:    []sarifRun{run},
	})
}
