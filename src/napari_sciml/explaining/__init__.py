"""Why a voxel was given its class: members, surroundings, channels, strokes."""
