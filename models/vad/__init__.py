"""Voice activity: is somebody speaking in this frame?"""
