"""Scripts for the Python of antspyx and itk-elastix: a registration and, by their own tools, warped labels."""

ANTS = """
import sys, json, ants
fixed, moving, labels, folder = sys.argv[1:5]
images = [ants.image_read(path) for path in (fixed, moving)]
found = ants.registration(*images, type_of_transform="SyN", outprefix=folder + "/own_")["fwdtransforms"]
warped = ants.apply_transforms(images[0], ants.image_read(labels), found, interpolator="nearestNeighbor")
ants.image_write(warped, folder + "/warped.mha")
print(json.dumps(found))
"""

ELASTIX = """
import sys, json, itk
fixed, moving, labels, folder = sys.argv[1:5]
settings = itk.ParameterObject.New()
for name in ("translation", "affine", "bspline"):
    settings.AddParameterMap(settings.GetDefaultParameterMap(name))
for k in range(3):
    for name, values in {"RandomSeed": ["4"], **json.loads(sys.argv[5])}.items():
        settings.SetParameter(k, name, [str(value) for value in values])
images = [itk.imread(path, itk.F) for path in (fixed, moving)]
_, found = itk.elastix_registration_method(
    *images, parameter_object=settings, output_directory=folder, log_to_console=False
)
for k in range(3):
    found.SetParameter(k, "FinalBSplineInterpolationOrder", "0")
moved = itk.transformix_filter(itk.imread(labels, itk.F), found)
itk.imwrite(moved, folder + "/warped.mha")
print(json.dumps([folder + "/TransformParameters.2.txt"]))
"""
