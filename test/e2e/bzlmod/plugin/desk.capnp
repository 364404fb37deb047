@0xd3a6c1f09b84e752;

using Names = import "/names/names.capnp";
using Note = import "note.capnp";

interface Desk {
  leave @0 (note :Note.Note) -> ();
  notesFor @1 (name :Names.Name) -> (result :List(Note.Note));

  interface Bell {
    ring @0 () -> ();
  }
}
