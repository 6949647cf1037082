"""The models of bodies that ship: tests take names, counts and order of landmarks from them."""

#: The one that is used where none is chosen.
BODY = "whole-body-ct"
#: One that sees outlines and depth alone, with the detector "silhouette".
SKIN = "whole-body-skin"
