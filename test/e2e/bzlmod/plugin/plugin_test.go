package plugin_test

import (
	"slices"
	"testing"

	"example.com/greeter/plugin/desk"
)

// A file that a plug-in adds is of the same package as mpgen's.
func TestAddedFile(t *testing.T) {
	if want := []string{"leave", "notesFor"}; !slices.Equal(desk.DeskMethods, want) {
		t.Errorf("DeskMethods is %q, want %q", desk.DeskMethods, want)
	}
	if want := []string{"ring"}; !slices.Equal(desk.DeskBellMethods, want) {
		t.Errorf("DeskBellMethods is %q, want %q", desk.DeskBellMethods, want)
	}
	var _ desk.Desk
}
